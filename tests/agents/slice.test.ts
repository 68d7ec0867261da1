import type { Mayfly, PresentAgent } from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
  ({ mayfly, tenant } = await local.enter());
});
afterAll(async () => {
  await mayfly.close();
  await local.close();
});

async function spawn(name: string, options: { lifetime?: number; scopes?: string[] } = {}) {
  const { data, error } = await mayfly.spawn({ name, ...options });
  if (error) throw error;
  return data;
}

describe("an agent's life", () => {
  it("leaves what it learned to a later agent", async () => {
    const analyst = await spawn("analyst");
    const remembered = await analyst.remember({
      task: "Rotate the signing key",
      output: "Import the new key, wait, then rotate.",
      tags: ["security"],
      reward: 0.9,
    });
    await analyst.remember({ task: "Bake bread", output: "Flour, water, salt." });
    expect(analyst.outbox.waiting).toBe(2);
    expect((await analyst.sync()).data).toMatchObject({ pushed: 2, rejected: 0 });
    expect(analyst.outbox.waiting).toBe(0);
    await analyst.stop("done");

    const newcomer = await spawn("newcomer");
    const { data } = await newcomer.recall("how are signing keys rotated?", { limit: 5 });
    expect(data).toMatchObject({ mode: "hybrid", model: "mayfly-dev-hash-384", problem: null });
    expect(data?.results[0]).toMatchObject({
      id: remembered.data?.id,
      task: "Rotate the signing key",
      agentName: "analyst",
      agentEndedAt: expect.any(Date),
      parts: { words_rank: 1, vector_rank: 1 },
    });
    const { data: page } = await newcomer.memory.list({ tags: ["security"] });
    expect(page?.memories.map((memory) => memory.task)).toEqual(["Rotate the signing key"]);
    await newcomer.stop();
  });

  it("pages through memories by id, and returns each once", async () => {
    const agent = await spawn("pager");
    for (let n = 0; n < 5; n++) await agent.remember({ task: `page ${n}`, tags: ["paged"] });
    await agent.sync();
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const { data } = await agent.memory.list({
        tags: ["paged"],
        limit: 2,
        ...(after && { after }),
      });
      seen.push(...(data?.memories ?? []).map((memory) => memory.task));
      after = data?.next ?? undefined;
    } while (after);
    expect(seen).toEqual(["page 0", "page 1", "page 2", "page 3", "page 4"]);
    await agent.stop();
  });

  it("pulls what others learned, and then only what is new", async () => {
    const writer = await spawn("writer");
    const reader = await spawn("reader");
    await writer.remember({ task: "known before" });
    await writer.sync();
    const tasks: string[] = [];
    const pull = () =>
      reader.sync({ pull: ({ memories }) => void tasks.push(...memories.map((m) => m.task)) });
    await pull();
    expect(tasks).toContain("known before");
    tasks.length = 0;
    await writer.remember({ task: "known since" });
    await writer.sync();
    await pull();
    expect(tasks).toEqual(["known since"]);
    await Promise.all([writer.stop(), reader.stop()]);
  });

  it("ends at once when the agent is stopped, and its SDK says so", async () => {
    const agent = await spawn("short");
    expect((await agent.stop("enough")).data?.agent).toMatchObject({
      status: "stopped",
      stop_reason: "enough",
    });
    expect((await agent.recall("anything")).error?.code).toBe("not_authorized");
    expect((await agent.remember({ task: "too late" })).error?.code).toBe("agent_not_alive");
    expect((await agent.sync()).error?.code).toBe("agent_not_alive");
    expect(agent.outbox.waiting).toBe(0);
    expect((await agent.renew()).error?.code).toBe("agent_not_alive");
  });

  it("continues after a renewal, with another token", async () => {
    const agent = await spawn("renewed", { lifetime: 30 });
    const before = agent.expiresAt;
    expect((await agent.renew()).data?.expiresAt.getTime()).toBeGreaterThanOrEqual(
      before.getTime(),
    );
    expect((await agent.recall("anything")).error).toBeNull();
    await agent.stop();
  });

  it("refuses invalid memories before they are queued, and makes dead letters of what the server refuses", async () => {
    const agent = await spawn("careless");
    const { error } = await agent.remember({ task: "x", reward: 7 });
    expect(error).toMatchObject({ code: "invalid_request", details: { field: "reward" } });
    expect(agent.outbox.waiting).toBe(0);

    for (const task of ["nul \0", "half \ud800"])
      expect((await agent.remember({ task })).error?.details).toEqual({ field: "task" });
    expect(
      (await agent.remember({ task: "x", metadata: { deep: ["\0"] } })).error?.details,
    ).toEqual({
      field: "metadata",
    });

    // Only Postgres can measure the size of metadata, so the SDK accepts this memory.
    await agent.remember({ task: "good" });
    await agent.remember({ task: "too much", metadata: { text: "x".repeat(70_000) } });
    await agent.remember({ task: "good too" });
    expect((await agent.sync()).data).toMatchObject({ pushed: 2, rejected: 1 });
    expect(agent.outbox.refused).toMatchObject([
      { error: { code: "invalid_operation", details: { field: "body.metadata" } } },
    ]);
    await agent.stop();
  });

  it("is present while it is connected, and not after it has left", async () => {
    let seen: (present: PresentAgent[]) => void = () => {};
    const states: PresentAgent[][] = [];
    const until = (holds: (present: PresentAgent[]) => boolean) =>
      new Promise<void>((resolve) => {
        if (states.some(holds)) resolve();
        seen = (present) => holds(present) && resolve();
      });
    const watching = await mayfly.agents.watch((present) => {
      states.push(present);
      seen(present);
    });
    expect(watching.error).toBeNull();
    const agent = await spawn("visible");
    expect((await agent.presence.track({ status: "reading", task: "README.md" })).error).toBeNull();
    await until((present) =>
      present.some(
        ({ id, name, status, task }) =>
          id === agent.id && name === "visible" && status === "reading" && task === "README.md",
      ),
    );
    await agent.stop();
    await until((present) => !present.some(({ id }) => id === agent.id));
    await watching.data?.();
  });

  it("is invisible to an agent of another tenant", async () => {
    const { mayfly: others } = await local.enter();
    const { data: stranger, error } = await others.spawn({ name: "stranger" });
    if (error) throw error;
    const channel = stranger.client.channel(`tenant:${tenant}:agents`, {
      config: { private: true },
    });
    await stranger.client.realtime.setAuth();
    const status = await new Promise((resolve) => channel.subscribe((state) => resolve(state)));
    expect(status).toBe("CHANNEL_ERROR");
    await stranger.stop();
    await others.close();
  });
});
