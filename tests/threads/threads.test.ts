import type { Mayfly, NewCheckpoint } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
let tenant: string;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  await mayfly?.close();
  ({ mayfly, tenant } = await local.enter());
});

/**
 * A text that is too long to be stored in the checkpoint itself. It repeats a letter, so `letters` can name it.
 */
const long = (letter: string) => letter.repeat(300);
const letters = (parts: string[]) => parts.map((part) => part[0]).join("");

/** A step of a growing list: what it adds to the version of the step before. */
const step = (n: number, more: string, from: number | null = n - 1): NewCheckpoint => ({
  id: String(n).padStart(4, "0"),
  ...(from !== null && from > 0 && { parent: String(from).padStart(4, "0") }),
  body: `{"n":${n}}`,
  channelVersions: { list: String(n) },
  metadata: { step: n },
  channelValues: [{ channel: "list", part: long(more), ...(from && { base: String(from) }) }],
});
const put = async (...steps: NewCheckpoint[]) => {
  for (const one of steps)
    expect(await mayfly.threads.put("plan", one)).toMatchObject({ error: null });
};
const listAt = async (n?: number) => {
  const id = n === undefined ? {} : { id: String(n).padStart(4, "0") };
  const { data } = await mayfly.threads.get("plan", id);
  return data?.channelValues.map(({ parts }) => letters(parts));
};
/** What the tenant is charged, and what the rows of its threads add up to. */
const stored = async () => {
  const [row] = await local.sql`
    select (select sum(u.bytes)::int from mayfly_private.tenant_usage u where u.tenant_id = ${tenant}) as charged,
      coalesce((select sum(p.bytes) from mayfly.thread_parts p where p.tenant_id = ${tenant}), 0)::int as parts,
      coalesce((select sum(w.bytes) from mayfly.thread_writes w where w.tenant_id = ${tenant}), 0)::int as writes,
      coalesce((select sum(c.bytes) from mayfly.checkpoints c where c.tenant_id = ${tenant}), 0)::int as checkpoints,
      coalesce((select sum(256 + octet_length(t.name)) from mayfly.threads t where t.tenant_id = ${tenant}), 0)::int as threads`;
  return row as Record<"charged" | "parts" | "writes" | "checkpoints" | "threads", number>;
};
const sumOf = ({ parts, writes, checkpoints, threads }: Awaited<ReturnType<typeof stored>>) =>
  parts + writes + checkpoints + threads;

describe("threads", () => {
  it("store a growing list in parts, and return each step's own version", async () => {
    await put(step(1, "a"), step(2, "b"), step(3, "c"));
    expect(await Promise.all([listAt(), listAt(1), listAt(2)])).toEqual([["abc"], ["a"], ["ab"]]);
    const { data: page } = await mayfly.threads.checkpoints({ thread: "plan", limit: 2 });
    expect(page?.map(({ id, metadata }) => [id, metadata])).toEqual([
      ["0003", { step: 3 }],
      ["0002", { step: 2 }],
    ]);
    const after = page?.at(-1);
    const { data: rest } = await mayfly.threads.checkpoints({ ...(after && { after }) });
    expect(rest?.map(({ id }) => id)).toEqual(["0001"]);
    const { data: chosen } = await mayfly.threads.checkpoints({ filter: { step: 2 } });
    expect(chosen?.map(({ id }) => id)).toEqual(["0002"]);
  });

  it("keep branches apart that continue the same list", async () => {
    await put(step(1, "a"), step(2, "b"), step(3, "x", 1), step(4, "y", 3), step(5, "c", 2));
    expect(await Promise.all([2, 3, 4, 5].map(listAt))).toEqual([["ab"], ["ax"], ["axy"], ["abc"]]);
  });

  it("accept the same checkpoint twice, and charge it once", async () => {
    await put(step(1, "a"), step(2, "b"));
    const before = await stored();
    await put(step(2, "b"));
    expect(await stored()).toEqual(before);
    expect(before.charged).toBe(sumOf(before));
  });

  it("refuse a list that continues a version that is not stored", async () => {
    expect(await mayfly.threads.put("plan", step(2, "b"))).toMatchObject({
      error: { code: "version_unknown", details: { channel: "list" } },
    });
    expect(await mayfly.threads.get("plan")).toEqual({ data: null, error: null });
  });

  it("keep the first ordinary write of a task, and the last special one", async () => {
    await put(step(1, "a"));
    const write = (body: string) =>
      mayfly.threads.putWrites("plan", {
        checkpoint: "0001",
        task: "t",
        writes: [
          { channel: "list", idx: 0, body },
          { channel: "error", idx: -1, body },
        ],
      });
    await write("first");
    await write("second");
    const { data } = await mayfly.threads.get("plan");
    expect(data?.writes.map(({ idx, body }) => [idx, body])).toEqual([
      [-1, "second"],
      [0, "first"],
    ]);
    const now = await stored();
    expect(now.charged).toBe(sumOf(now));
  });

  it("store only once what a task wrote, even if a list has it with an id", async () => {
    const said = `"text":"${long("s").repeat(2)}"`;
    await put(step(1, "a"));
    const write = { channel: "list", idx: 0, body: `[{${said}}]` };
    await mayfly.threads.putWrites("plan", { checkpoint: "0001", task: "t", writes: [write] });
    const before = await stored();
    const part = `[{${said},"id":"7"}]`;
    const values = [{ channel: "list", base: "1", part }];
    await put({ ...step(2, ""), channelValues: values });
    expect((await stored()).parts - before.parts).toBeLessThan(100);
    const { data } = await mayfly.threads.get("plan");
    expect(data?.channelValues[0]?.parts[1]).toBe(part);
    // The write is deleted with its checkpoint. The part stays, because the newest checkpoint needs it.
    await mayfly.threads.prune("plan");
    const { data: pruned } = await mayfly.threads.get("plan");
    expect(pruned?.channelValues).toEqual(data?.channelValues);
    const now = await stored();
    expect([now.writes, now.charged]).toEqual([0, sumOf(now)]);
  });

  it("can be pruned to their newest checkpoints, which frees what nothing else needs", async () => {
    await put(step(1, "a"), step(2, "b"), step(3, "x", 1), step(4, "c", 2));
    for (const checkpoint of ["0001", "0004"])
      await mayfly.threads.putWrites("plan", {
        checkpoint,
        task: "t",
        writes: [{ channel: "list", idx: 0, body: "w" }],
      });
    const before = await stored();
    expect(await mayfly.threads.prune("plan")).toEqual({ data: 3, error: null });
    expect(await listAt()).toEqual(["abc"]);
    const now = await stored();
    expect(now.charged).toBe(sumOf(now));
    // The branch had its own part "x", and a copy of the part "a".
    expect([now.parts, now.writes * 2]).toEqual([(before.parts / 5) * 3, before.writes]);
    await put(step(5, "d", 4));
    expect(await listAt()).toEqual(["abcd"]);
  });

  it("keep the values from which a delta channel is rebuilt when they are pruned", async () => {
    await put(step(1, "a"), step(2, "b"), step(3, "c"));
    const counters = { counters_since_delta_snapshot: { log: [2, 2] } };
    await put({ ...step(4, "d"), metadata: counters });
    expect(await mayfly.threads.prune("plan")).toEqual({ data: 1, error: null });
    const { data } = await mayfly.threads.checkpoints({ thread: "plan" });
    expect(data?.map(({ id }) => id)).toEqual(["0004", "0003", "0002"]);
  });

  it("end when their time is over, and maintenance frees what they were charged", async () => {
    await put({ ...step(1, "a"), expiresIn: 60 });
    await local.advance("61 seconds");
    expect(await mayfly.threads.get("plan")).toEqual({ data: null, error: null });
    expect((await mayfly.threads.list()).data).toEqual([]);
    expect((await mayfly.threads.checkpoints()).data).toEqual([]);
    // Writing to an ended thread starts a new one.
    await put(step(2, "b", null));
    expect(await listAt(1)).toBeUndefined();
    await put({ ...step(3, "c"), expiresIn: 60 });
    await local.advance("61 seconds");
    expect(await mayfly.tenants.maintain()).toMatchObject({ error: null });
    expect(await stored()).toMatchObject({ charged: 0, threads: 0, parts: 0 });
  });

  it("are deleted as a whole, and refuse invalid values with the field", async () => {
    await put(step(1, "a"));
    const { data: all } = await mayfly.threads.list({ prefix: "pl" });
    expect(all).toMatchObject([{ name: "plan", expiresAt: null }]);
    expect(await mayfly.threads.delete("plan")).toEqual({ data: true, error: null });
    expect(await mayfly.threads.delete("plan")).toEqual({ data: false, error: null });
    expect((await stored()).charged).toBe(0);
    const fieldOf = async (work: Promise<{ error: unknown }>) =>
      (await work).error as { code: string; details: { field: string } };
    const { threads } = mayfly;
    const refused = await Promise.all([
      fieldOf(threads.put("", step(1, "a"))),
      fieldOf(threads.put("plan", { ...step(1, "a"), id: "x".repeat(101) })),
      fieldOf(threads.put("plan", { ...step(1, "a"), ns: "x".repeat(1001) })),
      fieldOf(threads.put("plan", { ...step(1, "a"), expiresIn: 0 })),
      fieldOf(threads.put("plan", { ...step(1, "a"), metadata: { text: "\0" } })),
      fieldOf(threads.put("plan", { ...step(1, "a"), channelValues: [{ channel: "list" }] })),
      fieldOf(threads.checkpoints({ limit: 101 })),
      fieldOf(threads.prune("plan", { keep: 0 })),
    ]);
    expect(refused.map(({ code, details }) => [code, details.field])).toEqual(
      [
        "thread",
        "checkpoint",
        "ns",
        "expires_in",
        "metadata",
        "channel_values",
        "limit",
        "keep",
      ].map((field) => ["invalid_request", field]),
    );
  });
});
