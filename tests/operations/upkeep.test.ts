import { randomUUID } from "node:crypto";
import type { Agent, Conflict, Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let tenant: string;
let mayfly: Mayfly;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local.close());
beforeEach(async () => {
  ({ tenant, mayfly } = await local.enter());
});

describe("the statistics", () => {
  it("count what an agent sees, and for the secret key everything in the tenant", async () => {
    const [agent, other] = [await spawnIn(mayfly), await spawnIn(mayfly)];
    await agent.remember({ task: "open", kind: "fact" });
    await agent.remember({ task: "own", visibility: "agent" });
    dataOf(await agent.sync());
    expect(dataOf(await mayfly.memory.statistics())).toMatchObject({
      memories: 2,
      private: 1,
      lastHour: 2,
      byKind: { fact: 1, episode: 1 },
      byAgent: [{ agentId: agent.id, memories: 2 }],
      withVector: { "mayfly-dev-hash-384": 2 },
      withoutVector: 0,
      conflicts: 0,
    });
    expect(dataOf(await other.memory.statistics())).toMatchObject({ memories: 1, private: 0 });
    await Promise.all([agent.stop(), other.stop()]);
  });
});

describe("maintenance", () => {
  it("forgets expired memories in batches, and reports its progress", async () => {
    await local.sql`
      insert into mayfly.memories (tenant_id, id, task, expires_at)
      select ${tenant}, gen_random_uuid(), 'memory ' || n, case when n % 2 = 0 then now() end
      from generate_series(1, 2500) n`;
    const progress: number[] = [];
    const done = dataOf(
      await mayfly.tenants.maintain({ onProgress: ({ forgotten }) => progress.push(forgotten) }),
    );
    expect(done.forgotten).toBe(1250);
    expect(progress).toHaveLength(3);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(dataOf(await mayfly.memory.statistics()).memories).toBe(1250);
  });

  it("stops when it is told to, and continues later", async () => {
    await local.sql`
      insert into mayfly.memories (tenant_id, id, task, expires_at)
      select ${tenant}, gen_random_uuid(), 'memory ' || n, now() from generate_series(1, 1500) n`;
    const abort = new AbortController();
    const { forgotten } = dataOf(
      await mayfly.tenants.maintain({ signal: abort.signal, onProgress: () => abort.abort() }),
    );
    expect(forgotten).toBe(1000);
    expect(dataOf(await mayfly.tenants.maintain()).forgotten).toBe(500);
  });
});

describe("an export", () => {
  const linesOf = async (stream: ReadableStream<Uint8Array>) => {
    const text = await new Response(stream).text();
    return text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { table: string; row: { id?: string; task?: string } });
  };

  it("has every row of the tenant once, and none of another tenant", async () => {
    const stranger = (await local.enter()).tenant;
    await local.sql`
      insert into mayfly.memories (tenant_id, id, task)
      select t.id, gen_random_uuid(), 'memory ' || n
      from generate_series(1, 3000) n, unnest(${[tenant, stranger]}::uuid[]) t (id)`;
    const lines = await linesOf(dataOf(await mayfly.tenants.export()));
    const memories = lines.filter(({ table }) => table === "memories");
    expect(new Set(memories.map(({ row }) => row.task)).size).toBe(3000);
    expect(memories).toHaveLength(3000);
    expect(lines.filter(({ table }) => table === "tenants")).toMatchObject([
      { row: { id: tenant } },
    ]);
    expect(JSON.stringify(lines)).not.toContain(stranger);
  });

  it("holds one page at a time, with a limited size", async () => {
    await local.sql`
      insert into mayfly.memories (tenant_id, id, output)
      select ${tenant}, gen_random_uuid(), repeat('x', 90000) from generate_series(1, 100) n`;
    const sizes: number[] = [];
    for await (const chunk of dataOf(await mayfly.tenants.export())) sizes.push(chunk.length);
    expect(sizes.length).toBeGreaterThan(2);
    // The first page does not count, because the size of its rows was not known yet.
    expect(Math.max(...sizes.slice(1))).toBeLessThan(3_000_000);
  });

  it("is for admins, and can be aborted", async () => {
    const agent = await spawnIn(mayfly);
    const { error } = await agent.client.rpc("export_tenant");
    expect(error?.code).toBe("scope_missing");
    const abort = new AbortController();
    const stream = dataOf(await mayfly.tenants.export({ signal: abort.signal }));
    abort.abort(new Error("enough"));
    await expect(stream.getReader().read()).rejects.toThrow("enough");
    await agent.stop();
  });
});

describe("re-embedding", () => {
  const vectorsOf = async () =>
    Object.fromEntries(
      (
        await local.sql`select model, count(*)::int as n from mayfly.memory_vectors
          where tenant_id = ${tenant} group by 1`
      ).map(({ model, n }) => [model, n]),
    );
  const fill = () => local.sql`
    with made as (
      insert into mayfly.memories (tenant_id, id, task)
      select ${tenant}, gen_random_uuid(), 'memory ' || n from generate_series(1, 300) n
      returning id)
    insert into mayfly.memory_vectors (tenant_id, memory_id, model, embedding)
    select ${tenant}, id, 'old', array_fill(0.5, array[384])::extensions.halfvec(384) from made`;
  const model = "mayfly-dev-hash-384";

  it("gives every memory a vector of the functions' model, reports its progress, and deletes old vectors", async () => {
    await fill();
    const progress: number[] = [];
    const done = dataOf(
      await mayfly.memory.reembed({ onProgress: ({ embedded }) => progress.push(embedded) }),
    );
    expect(done).toEqual({
      ...{ model, memories: 300, embedded: 300, left: 0, dead: 0, others: 300 },
      problem: null,
    });
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(await vectorsOf()).toEqual({ [model]: 300, old: 300 });
    expect(dataOf(await mayfly.memory.reembed({ forgetOthers: true }))).toMatchObject({
      others: 0,
    });
    expect(await vectorsOf()).toEqual({ [model]: 300 });
  });

  it("continues where it was aborted, and is only for the secret key", async () => {
    await fill();
    const abort = new AbortController();
    const broken = dataOf(
      await mayfly.memory.reembed({
        signal: abort.signal,
        onProgress: ({ embedded }) => embedded > 0 && abort.abort(),
      }),
    );
    expect(broken.embedded).toBeGreaterThan(0);
    expect(broken.left).toBe(300 - broken.embedded);
    expect(dataOf(await mayfly.memory.reembed())).toMatchObject({ embedded: 300, left: 0 });
    const agent = await spawnIn(mayfly);
    const { error } = await agent.client.rpc("queue_embeddings", { model });
    expect(error).not.toBeNull();
    await agent.stop();
  });
});

describe("conflicts", () => {
  let agent: Agent;
  beforeEach(async () => {
    agent = await spawnIn(mayfly);
    return async () => {
      await agent.stop();
    };
  });
  const conflictsOf = async (id: string, fields: object): Promise<Conflict[]> => {
    const base = Object.fromEntries(Object.keys(fields).map((name) => [name, null]));
    await agent.memory.update(id, { set: fields, base, resolve: "manual" });
    dataOf(await agent.sync());
    return dataOf(await agent.memory.conflicts.list({ memoryId: id })).conflicts;
  };

  it("are listed, and resolved with the wanted or the current value", async () => {
    const { id } = dataOf(
      await agent.remember({ task: "shared", reward: 0.1, critique: "good as it is" }),
    );
    dataOf(await agent.sync());
    const expiresAt = new Date(Date.now() + 3_600_000);
    await agent.memory.update(id, { set: { expiresAt: new Date(Date.now() + 7_200_000) } });
    dataOf(await agent.sync());
    const conflicts = await conflictsOf(id, { reward: 0.9, critique: "no", expiresAt });
    const of = (field: string) =>
      conflicts.find((conflict) => conflict.field === field) as Conflict;
    expect(conflicts).toHaveLength(3);
    expect(of("reward")).toMatchObject({
      memoryId: id,
      wanted: 0.9,
      base: null,
      pushedBy: agent.id,
      createdAt: expect.any(Date),
    });
    expect(of("expiresAt").wanted).toEqual(expiresAt);
    expect(dataOf(await agent.memory.get(id))).toMatchObject({ reward: expect.closeTo(0.1) });

    const page = dataOf(await mayfly.memory.conflicts.list({ limit: 2 }));
    expect(page.conflicts).toHaveLength(2);
    const rest = dataOf(await mayfly.memory.conflicts.list({ after: page.next ?? "" }));
    expect(rest).toMatchObject({ conflicts: [{ memoryId: id }], next: null });

    dataOf(await mayfly.memory.conflicts.resolve([of("critique")]));
    dataOf(await mayfly.memory.conflicts.resolve([of("expiresAt")], { expiresAt }));
    await agent.memory.update(id, { set: { reward: 0.9 }, settles: [of("reward").id] });
    dataOf(await agent.sync());
    expect(dataOf(await agent.memory.conflicts.list()).conflicts).toEqual([]);
    expect(dataOf(await agent.memory.get(id))).toMatchObject({
      reward: expect.closeTo(0.9),
      critique: "good as it is",
      expiresAt,
    });
  });

  it("cannot be resolved if they are of several memories, or if their memory is gone", async () => {
    const { id } = dataOf(await agent.remember({ task: "shared", reward: 0.1 }));
    dataOf(await agent.sync());
    const [conflict] = await conflictsOf(id, { reward: 0.9 });
    if (!conflict) throw new Error("There is no conflict.");
    const other = { ...conflict, memoryId: randomUUID() };
    expect((await mayfly.memory.conflicts.resolve([])).error?.code).toBe("invalid_request");
    expect((await mayfly.memory.conflicts.resolve([conflict, other])).error?.code).toBe(
      "invalid_request",
    );
    expect((await mayfly.memory.conflicts.resolve([other])).error?.code).toBe("memory_unknown");
    const stranger = (await local.enter()).mayfly;
    expect(dataOf(await stranger.memory.conflicts.list()).conflicts).toEqual([]);
    expect((await stranger.memory.conflicts.resolve([conflict])).error?.code).toBe(
      "memory_unknown",
    );
    expect(dataOf(await mayfly.memory.conflicts.list()).conflicts).toHaveLength(1);
  });
});
