import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, makeAgent, makeTenant, type SpawnedAgent } from "#harness/callers";
import { putOf, updateOf } from "#harness/operations";
import { openSyncing, type SyncAnswer, type Syncing } from "#harness/syncing";

let db: Syncing["db"];
let sync: Syncing["sync"];
let tenant: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  ({ db, sync } = await openSyncing());
});
afterAll(() => db.close());

/** This many memories of 200 KB, inserted as in the SQL editor. */
const fill = async (count: number) => {
  await db.sql`
    insert into mayfly.memories (tenant_id, id, agent_id, task, input, output)
    select ${tenant}, gen_random_uuid(), ${agent.id}, 'large', repeat('a b ', 25000), repeat('c d ', 25000)
    from generate_series(1, ${count})`;
};
/** All pages from a cursor to the end. */
const pull = async (since: string | null) => {
  const pages: SyncAnswer[] = [];
  for (let cursor = since; ; cursor = pages.at(-1)?.cursor ?? null) {
    const page = await sync([], cursor, agent.claims);
    pages.push(page);
    if (!page.more) return pages;
  }
};
const sizes = (pages: SyncAnswer[]) => pages.map((page) => JSON.stringify(page.memories).length);

describe("a page", () => {
  beforeAll(async () => {
    tenant = await makeTenant(db.sql);
    agent = await makeAgent(db.sql, tenant);
  });

  it("of memories has at most about 4 MB, and all pages together have each memory once", async () => {
    const { cursor } = await sync([], "now", agent.claims);
    await fill(45);
    const first = await pull(null);
    expect(first.length).toBe(3);
    expect(Math.max(...sizes(first))).toBeLessThan(4_200_000);
    const ids = first.flatMap((page) => page.memories.map(({ id }) => id));
    expect([ids.length, new Set(ids).size]).toEqual([45, 45]);

    const pages = await pull(cursor);
    const subjects = pages.flatMap((page) => page.events.map(({ subject }) => subject));
    expect([...subjects].sort()).toEqual([...ids].sort());
    expect(pages.length).toBe(3);
    expect(Math.max(...sizes(pages))).toBeLessThan(4_200_000);
    for (const { events, memories } of pages)
      expect(memories.map(({ id }) => id).sort()).toEqual(
        events.map(({ subject }) => subject).sort(),
      );
  });

  it("has about 4 MB of JSON, even with texts that are six times as long in JSON", async () => {
    const own = await makeTenant(db.sql);
    const reader = await makeAgent(db.sql, own);
    const { cursor } = await sync([], "now", reader.claims);
    await db.sql`
      insert into mayfly.memories (tenant_id, id, agent_id, task, input, output, tags, metadata, hlc)
      select ${own}, gen_random_uuid(), ${reader.id}, repeat(E'\\x01', 2000), repeat(E'\\x01', 100000), repeat(E'\\x01', 20000),
        array_fill(repeat(E'\\x01', 99), array[50]), jsonb_build_object('a', repeat(E'\\x01', 60000)),
        jsonb_build_object('task', repeat('x', 2000))
      from generate_series(1, 12)`;
    for (const since of [null, cursor]) {
      let seen = 0;
      let at: string | null = since;
      for (let more = true; more; ) {
        const page: SyncAnswer = await sync([], at, reader.claims);
        const bytes = JSON.stringify(page.memories).length;
        expect(bytes).toBeLessThan(4_200_000);
        seen += page.memories.length;
        ({ more, cursor: at } = page);
      }
      expect(seen).toBe(12);
    }
  });

  it("has a memory once, however many events are about it", async () => {
    const { cursor } = await sync([], "now", agent.claims);
    const put = putOf({ input: "x".repeat(100_000) });
    await sync([put], null, agent.claims);
    for (let n = 1; n <= 3; n++)
      await sync([updateOf(put.memory.id, { reward: n / 10 })], null, agent.claims);
    const [page] = await pull(cursor);
    expect(page?.events.length).toBe(4);
    expect(page?.memories.map(({ id }) => id)).toEqual([put.memory.id]);
  });
});

describe("a pull since now", () => {
  beforeAll(async () => {
    tenant = await makeTenant(db.sql);
    agent = await makeAgent(db.sql, tenant);
    await sync([putOf({ task: "before" })], null, agent.claims);
  });

  it.each([500, 0])(
    "returns a cursor after everything, and nothing else, with a limit of %s",
    async (limit) => {
      const { cursor, ...rest } = await sync([], "now", agent.claims, limit);
      expect(rest).toEqual({ results: [], events: [], memories: [], more: false });
      const after = putOf({ task: "after" });
      await sync([after], null, agent.claims);
      const { events, memories } = await sync([], cursor, agent.claims);
      expect(events.map(({ subject }) => subject)).toEqual([after.memory.id]);
      expect(memories.map(({ task }) => task)).toEqual(["after"]);
    },
  );

  it("is refused without memory:read", async () => {
    const blind = await makeAgent(db.sql, tenant, { scopes: ["memory:write"] });
    expect(await codeOf(sync([], "now", blind.claims, 0))).toBe("scope_missing");
  });
});
