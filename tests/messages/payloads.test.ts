import { type ErrorCode, MayflyError, messageSchemas } from "@mayfly/sdk";
import { faultOf } from "@mayfly/sdk/contract/messages";
import { HandlerQueue, Inbox, messageFromRow, outgoing } from "@mayfly/sdk/internal";
import { afterEach, describe, expect, it, vi } from "vitest";

const inboxOf = (rpc: () => Promise<unknown>) =>
  new Inbox({ rpc } as never, () => Promise.resolve(false));
const refused = (code: ErrorCode, message: string) => ({
  data: null,
  error: new MayflyError({ code, message, hint: null, details: null }),
});

describe("the payload of a message", () => {
  const good: Record<keyof typeof messageSchemas, Record<string, unknown>> = {
    task_assignment: { task: "Read it", context: { page: 1 } },
    task_handoff: { task: "Read it", reason: "no time" },
    task_complete: { task: "Read it", success: true, result: { pages: 3 } },
    context_share: { context: { topic: "keys" } },
    request_help: { problem: "stuck" },
    share_knowledge: { knowledge: "It is 5432.", memories: [crypto.randomUUID()] },
    review_request: { subject: "PR 12", criteria: ["short"] },
    feedback: { feedback: "good", score: 1 },
    artifact: { name: "report.md", content: "# Report" },
    query: { question: "Which port?" },
    status_update: { status: "reading", progress: 0.5 },
    alert: { message: "disk full", severity: "critical" },
    info: { text: "hello" },
    request: { anything: 1 },
    response: {},
    handler_failed: { code: "work_failed" },
  };

  it("is checked by the schema of its type, which allows additional fields", () => {
    expect(Object.keys(good).sort()).toEqual(Object.keys(messageSchemas).sort());
    for (const [type, payload] of Object.entries(good))
      expect(faultOf(type, { ...payload, of_mine: 1 }), type).toBeNull();
    for (const type of Object.keys(good).filter((name) => !/^re(quest|sponse)$/.test(name)))
      expect(faultOf(type, {}), type).toMatch(/^payload\.\w+: /);
    expect(faultOf("feedback", { feedback: "x", score: 2 })).toMatch(/^payload\.score: /);
  });

  it("of a custom type can be any object", () => {
    for (const type of ["tick", "constructor", "to_string"]) {
      expect(faultOf(type, { n: 1 })).toBeNull();
      expect(faultOf(type, "text")).toMatch(/^payload: /);
    }
  });

  it("must be JSON that Postgres can store, and a refusal names the fault", () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const payload of [circle, { n: 1n }])
      expect(faultOf("tick", payload)).toBe(
        "payload: must be JSON: without cycles and BigInts, and not nested too deep",
      );
    for (const payload of [{ n: "a\0" }, { "\ud800": 1 }, { n: ["\udc00"] }])
      expect(faultOf("tick", payload)).toBe(
        "payload: must not have U+0000 or half a surrogate pair",
      );
    // These texts only look like the refused characters.
    for (const n of ["\\u0000", "\\ud800", "\\\\u0000", "\u{1f98b}"])
      expect(faultOf("tick", { n }), n).toBeNull();
  });
});

describe("a message", () => {
  it("is sent with the names of SQL and received with those of TypeScript, with an unchanged payload", () => {
    const deadline = new Date();
    const row = outgoing(
      "i",
      "a",
      "tick",
      { some_key: 1 },
      {
        replyTo: "r",
        correlationId: "c",
        priority: "high",
        deadline,
        attachments: [{ name: "n", uri: "u", mimeType: "text/plain" }],
      },
    );
    expect(row).toEqual({
      id: "i",
      to: { agent: "a" },
      type: "tick",
      payload: { some_key: 1 },
      reply_to: "r",
      correlation_id: "c",
      priority: "high",
      deadline: deadline.toISOString(),
      attachments: [{ name: "n", uri: "u", mime_type: "text/plain" }],
    });
    const came = messageFromRow({
      ...row,
      seq: 3,
      session: "s",
      attachments: row.attachments as Record<string, unknown>[],
      sent_at: deadline.toISOString(),
    });
    expect(came).toEqual({
      id: "i",
      seq: 3,
      attempt: 1,
      to: { agent: "a" },
      type: "tick",
      payload: { some_key: 1 },
      replyTo: "r",
      correlationId: "c",
      priority: "high",
      deadline,
      sentAt: deadline,
      trace: null,
      attachments: [{ name: "n", uri: "u", mimeType: "text/plain" }],
    });
  });
});

describe("the queue of handlers", () => {
  it("handles one item at a time, and once it is ended, only finishes the current item", async () => {
    const queue = new HandlerQueue();
    const done: number[] = [];
    let release = () => {};
    const begun = new Promise<void>((resolve) => {
      queue.push(
        () =>
          new Promise<void>((finish) => {
            release = finish;
            resolve();
          }),
        () => done.push(1),
      );
    });
    queue.push(
      () => {},
      () => done.push(2),
    );
    await begun;
    expect(queue.size).toBe(2);
    queue.end();
    release();
    await queue.rest();
    expect(done).toEqual([1]);
  });
});

describe("a request", () => {
  const { promise: opening } = Promise.withResolvers<never>();

  it("rejects with the error that sending it throws", async () => {
    const inbox = inboxOf(() => opening);
    const sent = Promise.reject(new Error("never sent"));
    await expect(inbox.replyTo("id", 60_000, sent)).rejects.toThrow("never sent");
  });

  it("can wait forever", async () => {
    const inbox = inboxOf(() => opening);
    const asked = inbox.replyTo("id", Number.POSITIVE_INFINITY, opening);
    const soon = new Promise((resolve) => setTimeout(resolve, 20, "waits"));
    expect(await Promise.race([asked, soon])).toBe("waits");
    await inbox.close();
    expect((await asked).error?.message).toContain("closed");
  });
});

describe("an inbox that cannot be opened", () => {
  afterEach(() => void vi.useRealTimers());

  it("is tried again while the error may be temporary, and reported each time, until it is closed", async () => {
    vi.useFakeTimers();
    let tries = 0;
    const rpc = async () => {
      tries++;
      return refused("unavailable", "fetch failed");
    };
    const inbox = inboxOf(rpc);
    const errors: unknown[] = [];
    inbox.on("*", () => {}, { onError: (error) => errors.push(error) });
    await vi.advanceTimersByTimeAsync(300_000);
    // The first pause is 500 ms. Each one is twice as long, up to 30 s, with jitter.
    expect(tries).toBeGreaterThan(14);
    expect(tries).toBeLessThan(40);
    expect(errors).toHaveLength(tries);
    expect(errors[0]).toMatchObject({ code: "unavailable" });
    const asked = inbox.replyTo("id", 1_000, Promise.resolve({ data: null, error: null }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await asked).error).toMatchObject({
      code: "request_timeout",
      message: expect.stringContaining("fetch failed"),
    });
    const before = tries;
    await inbox.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(tries).toBe(before);
  });

  it("reports an error to handlers that are registered after it was closed", async () => {
    const inbox = inboxOf(async () => ({ data: null, error: null }));
    await inbox.close();
    const error = new Promise((onError) => inbox.on("tick", () => {}, { onError }));
    expect(await error).toMatchObject({ code: "unavailable" });
  });

  it("is refused at once if the error is permanent", async () => {
    const inbox = inboxOf(async () => refused("scope_missing", "no"));
    expect((await inbox.open()).error?.code).toBe("scope_missing");
  });
});
