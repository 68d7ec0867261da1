/** How a person or the secret key changes memories, without an outbox. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());

const tasks = (memories: { task: string }[]) => memories.map(({ task }) => task);

describe("memories, for a caller that is no agent,", () => {
  it("are changed in one round trip, listed the newest first, and counted by day", async () => {
    const { memory } = (await local.enter()).mayfly;
    for (const task of ["first", "second", "third"]) dataOf(await memory.remember({ task }));
    const page = dataOf(await memory.list({ newestFirst: true, limit: 2 }));
    expect(tasks(page.memories)).toEqual(["third", "second"]);
    const rest = dataOf(await memory.list({ newestFirst: true, after: page.next ?? "" }));
    expect(tasks(rest.memories)).toEqual(["first"]);
    const id = page.memories[0]?.id ?? "";
    expect(
      dataOf(await memory.update(id, { set: { reward: 0.5, tags: ["a"], critique: null } })),
    ).toEqual({ id });
    expect(dataOf(await memory.get(id))).toMatchObject({ reward: 0.5, tags: ["a"], version: 2 });
    expect((await memory.update(id, { set: { reward: 7 } })).error).toMatchObject({
      code: "invalid_operation",
    });
    expect((await memory.update(randomUUID(), { set: { reward: 1 } })).error?.code).toBe(
      "memory_unknown",
    );
    expect(dataOf(await memory.forget(id))).toEqual({ id });
    for (const gone of [id, randomUUID()])
      expect((await memory.forget(gone)).error?.code).toBe("memory_unknown");
    const days = Object.entries(dataOf(await memory.statistics()).byDay);
    expect(days).toEqual([[expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/), 2]]);
  });

  it("are listed by their ids, as events name them", async () => {
    const { memory } = (await local.enter()).mayfly;
    const { id } = dataOf(await memory.remember({ task: "named" }));
    dataOf(await memory.remember({ task: "another" }));
    const ids = [id, randomUUID()];
    expect(tasks(dataOf(await memory.list({ ids })).memories)).toEqual(["named"]);
    expect(dataOf(await memory.list({ ids: [] })).memories).toEqual([]);
    const tooMany = Array.from({ length: 101 }, () => id);
    expect((await memory.list({ ids: tooMany })).error).toMatchObject({
      code: "invalid_request",
      details: { field: "ids" },
    });
  });
});
