import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, inTenant, type Session, serviceRole } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { fillTenant, makePools, makeQuestions, settleAll } from "../bench/vectors.ts";

const sizes = [10, 30, 100, 300, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1560, 10_000];
const byRankAlone = JSON.stringify({ reward: 0, importance: 0, recency: 0 });

describe.skipIf(!databaseUrl)("recall among 20,000 vectors on a real Postgres 17", () => {
  let db: TestDatabase;
  const tenants = new Map<number, string>();
  let large: string;
  let questions: string[];

  beforeAll(async () => {
    db = await openPostgresDatabase();
    await makePools(db.sql);
    const fill = async (some: number[]) => {
      for (const size of some) tenants.set(size, await fillTenant(db.sql, size));
    };
    await Promise.all([fill([10_000]), fill(sizes.filter((size) => size < 10_000))]);
    large = tenants.get(10_000) as string;
    questions = await makeQuestions(db.sql, 20);
    await settleAll(db.sql, [{ tenant: large, fresh: 130 }]);
    await db.sql`select mayfly_private.settle_vectors(30)`;
  }, 180_000);
  afterAll(() => db?.close());

  const asTenant = <T>(tenant: string, work: (session: Session) => Promise<T>) =>
    actAs(db.sql, serviceRole, work, inTenant(tenant));
  const ask = async (session: Session, question: string, tags: string[] | null = null) => {
    const rows = await session`
      select id from mayfly.recall(embedding => ${question}::text::extensions.halfvec(384)::real[], model => 'bench',
        having_tags => ${tags}, weights => ${byRankAlone}::text::jsonb)`;
    return rows.map((row) => row.id as string);
  };
  /** The ten nearest memories, found by comparing all vectors. */
  const compareAll = async (tenant: string, question: string, tags: string[] = []) => {
    const rows = await db.sql`
      select v.memory_id as id from mayfly.memory_vectors v
      join mayfly.memories m on m.tenant_id = v.tenant_id and m.id = v.memory_id
      cross join lateral (
        select v.embedding operator(extensions.<=>) (select ${question}::text::extensions.halfvec(384)) as distance) compared
      where v.tenant_id = ${tenant} and m.tags @> ${tags} and distance < 1
      order by distance + 0 limit 10`;
    return rows.map((row) => row.id as string);
  };
  /** The average share of the best ten that recall finds. */
  async function recallAt10(tenant: string, tags?: string[], asked = questions) {
    let expected = 0;
    let found = 0;
    const askAll = async (some: string[]) => {
      for (const question of some) {
        const best = await compareAll(tenant, question, tags);
        const answer = await asTenant(tenant, (session) => ask(session, question, tags));
        expect(answer.length).toBe(best.length);
        expected += best.length;
        found += best.filter((id) => answer.includes(id)).length;
      }
    };
    const half = asked.length / 2;
    await Promise.all([askAll(asked.slice(0, half)), askAll(asked.slice(half))]);
    return found / expected;
  }
  /** How the nearest vectors were found, from auto_explain. */
  async function plansOf(tenant: string, question: string) {
    const plans: string[] = [];
    const sql = postgres(db.url, { max: 1, onnotice: (n) => plans.push(String(n.message)) });
    try {
      await actAs(
        sql,
        serviceRole,
        async (session) => {
          await session`reset role`;
          await session.unsafe(`load 'auto_explain'; set local auto_explain.log_nested_statements = on;
            set local auto_explain.log_min_duration = 0; set local client_min_messages = log; set local role service_role`);
          await ask(session, question);
        },
        inTenant(tenant),
      );
    } finally {
      await sql.end();
    }
    return plans.filter((plan) => /from mayfly.memory_vectors v/.test(plan)).join("\n");
  }

  it.each([...new Set(sizes)])(
    "finds the same as a comparison of all vectors, in a tenant with %i vectors",
    async (size) => {
      expect(await recallAt10(tenants.get(size) as string)).toBeGreaterThanOrEqual(0.99);
    },
  );

  it("settles only the vectors of large tenants", async () => {
    const rows = await db.sql`
      select tenant_id, count(*)::int as vectors from mayfly.memory_vectors where settled group by 1`;
    expect([...rows]).toEqual([{ tenant_id: large, vectors: 9900 }]);
    const [row] = await db.sql`select vectors::int from mayfly_private.settlements`;
    expect(row?.vectors).toBe(9900);
  });

  it("reads a large tenant by HNSW, and its fresh tail by B-tree", async () => {
    const plans = await plansOf(large, questions[0] as string);
    expect(plans).toContain("Index Scan using memory_vectors_settled_idx");
    expect(plans).toMatch(/Index Scan (using|on) memory_vectors_tail_idx/);
  });

  it("reads the fresh tail by its own index even without statistics", async () => {
    await db.sql`delete from pg_statistic where starelid = 'mayfly.memory_vectors'::regclass`;
    const plans = await plansOf(large, questions[0] as string);
    await db.sql`analyze mayfly.memory_vectors`;
    expect(plans).toContain("Index Scan using memory_vectors_settled_idx");
    expect(plans).toMatch(/Index Scan (using|on) memory_vectors_tail_idx/);
    expect(plans).not.toMatch(/memory_vectors_(pkey|memory_idx)/);
  });

  it("measures how many candidates a search must keep, and measures again as the tenant grows", async () => {
    const tuning = async () => {
      const [row] = await db.sql`select ef_search, tuned_to::int from mayfly_private.settlements`;
      return row;
    };
    const first = await tuning();
    expect(first?.tuned_to).toBe(9870);
    expect(first?.ef_search).toBeLessThan(200);
    await db.sql`update mayfly_private.settlements set ef_search = 1000, tuned_to = 9000`;
    await db.sql`select mayfly_private.settle_vectors(20)`;
    expect(await tuning()).toEqual({ ef_search: 1000, tuned_to: 9000 });
    await db.sql`update mayfly_private.settlements set tuned_to = 7000`;
    await db.sql`select mayfly_private.settle_vectors(20)`;
    expect(await tuning()).toEqual({ ef_search: expect.any(Number), tuned_to: 9920 });
    expect((await tuning())?.ef_search).toBeLessThan(200);
  });

  it("answers a session that has not used pgvector yet", async () => {
    const [row] = await db.sql`
      select memory_id from mayfly.memory_vectors where tenant_id = ${large} and settled limit 1`;
    const sql = postgres(db.url, { max: 1, onnotice: () => {} });
    const alike = await actAs(
      sql,
      serviceRole,
      (session) => session`select id from mayfly.recall(similar_to => ${row?.memory_id})`,
      inTenant(large),
    ).finally(() => sql.end());
    expect(alike.length).toBe(10);
  });

  it("reads a small tenant by B-tree", async () => {
    const plans = await plansOf(tenants.get(1000) as string, questions[0] as string);
    expect(plans).toMatch(/Index Scan (using|on) memory_vectors_(pkey|tail_idx|memory_idx)/);
    expect(plans).not.toContain("memory_vectors_settled_idx");
  });

  it.each(["tenth", "rare"])("finds every match under a filter for the tag %s", async (tag) => {
    expect(await recallAt10(large, [tag])).toBeGreaterThanOrEqual(0.99);
    expect(await recallAt10(tenants.get(1000) as string, [tag])).toBe(1);
  });

  it("compares all vectors if the index no longer has those of the tenant", async () => {
    const tenant = tenants.get(1560) as string;
    await db.sql`insert into mayfly_private.settlements (tenant_id, model, vectors) values (${tenant}, 'bench', 1000000)`;
    const found = await recallAt10(tenant, [], questions.slice(0, 6));
    await db.sql`delete from mayfly_private.settlements where tenant_id = ${tenant}`;
    expect(found).toBe(1);
  });

  it("leaves the settings of the transaction as they were", async () => {
    const settings = await asTenant(large, async (session) => {
      await session`select set_config('hnsw.ef_search', '77', true)`;
      await ask(session, questions[0] as string);
      const [row] = await session`
        select current_setting('hnsw.ef_search') as ef_search, current_setting('hnsw.iterative_scan') as iterative_scan,
          current_setting('enable_sort') as sort, current_setting('enable_seqscan') as seqscan`;
      return row;
    });
    expect(settings).toEqual({ ef_search: "77", iterative_scan: "off", sort: "on", seqscan: "on" });
  });

  it("writes nothing into the index for a new vector, finds it at once, and settles it later", async () => {
    const blocks = async () => {
      const [row] = await db.sql`
        select pg_relation_size('mayfly.memory_vectors_settled_idx')::int as size,
          (select count(*)::int from mayfly.memory_vectors where settled) as settled`;
      return row;
    };
    const before = await blocks();
    const [row] = await db.sql`
      select (select id from mayfly.memories m where m.tenant_id = ${large} order by id limit 1) as memory`;
    const [moved] = await db.sql`
      update mayfly.memory_vectors set settled = false, embedding = ${questions[1] as string}::text::extensions.halfvec(384)
      where tenant_id = ${large} and memory_id = ${row?.memory as string} returning settled`;
    expect(moved?.settled).toBe(false);
    const first = () => asTenant(large, async (s) => (await ask(s, questions[1] as string))[0]);
    expect(await first()).toBe(row?.memory);
    expect((await blocks())?.size).toBe(before?.size);

    // Vectors whose settling is rolled back are settled later, and none is settled twice.
    await db.sql
      .begin(async (session) => {
        await session`select mayfly_private.settle_vectors(30)`;
        throw new Error("stopped");
      })
      .catch(() => {});
    expect((await blocks())?.settled).toBe((before?.settled as number) - 1);
    let settled = 0;
    for (let moved = 1; moved > 0; settled += moved) {
      const [batch] = await db.sql`select mayfly_private.settle_vectors(200) as moved`;
      moved = batch?.moved as number;
    }
    expect(settled).toBe(10_001 - (before?.settled as number));
    expect((await blocks())?.settled).toBe(10_000);
    expect(await first()).toBe(row?.memory);
  });
});
