/** Tenants with memories and vectors, made in the database: vectors of unit length, in clusters. */
import { makeTenant, type Sql } from "#harness/callers";

/** No quota in the way. */
const unlimited = { max_memories: 1e9, max_bytes: 1e12, writes_per_minute: 1e9 };

/** Where vectors lie: around how many directions, how far from them, and which of all such data it is. */
export interface Clusters {
  seed: number;
  directions: number;
  noise: number;
}
/** What the constants of recall were tuned on. */
export const tuned: Clusters = { seed: 0.5, directions: 200, noise: 0.6 };
/** What they were not: fewer clusters, and looser. */
export const heldOut: Clusters = { seed: 0.123, directions: 40, noise: 0.9 };

/** Directions and noises to add up: made once, so that a vector costs three additions. */
export async function makePools(sql: Sql, clusters: Clusters = tuned): Promise<void> {
  const pool = (name: string, size: number, scale: number) => `
    create table ${name} as
    select n, (select extensions.l2_normalize(array_agg(random_normal())::extensions.halfvec(384)) from generate_series(1, 384) i where i + n > 0)
      operator(extensions.*) array_fill(${scale}::real, array[384])::extensions.halfvec(384) as vector
    from generate_series(1, ${size}) n;
    alter table ${name} add primary key (n);`;
  await sql.unsafe(
    `select setseed(${clusters.seed}); ${pool("directions", clusters.directions, 1)} ${pool("noises", 2000, clusters.noise)}`,
  );
}

/** One of `directions`, and two noises. */
const someVector = `extensions.l2_normalize(d.vector operator(extensions.+) a.vector operator(extensions.+) b.vector)::extensions.halfvec(384)`;
const somewhere = `
  join directions d on d.n = r.direction join noises a on a.n = r.a join noises b on b.n = r.b`;
/** For each of the rows a direction and two noises, chosen once. */
const choosing = (rows: string) => `
  r as materialized (select rows.id, 1 + floor(random() * (select count(*) from directions))::int as direction, 1 + floor(random() * 2000)::int as a,
    1 + floor(random() * 2000)::int as b from ${rows})`;

/** UUIDv7s, one a millisecond: memories lie in the order of their ids, as those that agents make do. */
const orderedId = `(overlay(lpad(to_hex(1750000000000 + n), 12, '0') placing '-' from 9 for 0) || '-7' || right(gen_random_uuid()::text, 21))::uuid`;

/**
 * A tenant with so many memories, every tenth tagged `tenth` and every thousandth `rare`, and each about
 * one of a thousand subjects: `subject7`.
 */
export async function fillTenant(sql: Sql, size: number): Promise<string> {
  const tenant = await makeTenant(sql, unlimited);
  await sql.unsafe(`
    insert into mayfly.memories (tenant_id, id, task, tags)
    select '${tenant}', ${orderedId}, 'task ' || n || ' on subject' || n % 1000, case when n % 1000 = 0 then '{tenth,rare}'::text[] when n % 10 = 0 then '{tenth}' else '{}' end
    from generate_series(1, ${size}) n`);
  // Else the planner may take a tenant of 100,000 for one row, and join by loops for ten minutes.
  if (size >= 10_000) await sql.unsafe("analyze mayfly.memories, directions, noises");
  await sql.unsafe(`
    with ${choosing(`mayfly.memories rows where tenant_id = '${tenant}'`)}
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select '${tenant}', 'bench', r.id, ${someVector} from r ${somewhere} order by r.id`);
  return tenant;
}

/**
 * Settles all but the newest `fresh` vectors of each of these, without the index, then builds it and tunes
 * the search: settling them into it would take minutes.
 */
export async function settleAll(
  sql: Sql,
  large: { tenant: string; fresh: number }[],
): Promise<void> {
  const [index] =
    await sql`select pg_get_indexdef('mayfly.memory_vectors_settled_idx'::regclass) as made_by`;
  await sql`drop index mayfly.memory_vectors_settled_idx`;
  for (const { tenant, fresh } of large)
    await sql`
      select mayfly_private.settle_vectors((count(*) - ${fresh})::int, only_tenant => ${tenant})
      from mayfly.memory_vectors where tenant_id = ${tenant}`;
  // By two also where it is small.
  await sql`alter table mayfly.memory_vectors set (parallel_workers = 1)`;
  await sql.unsafe(index?.made_by as string);
  await sql`alter table mayfly.memory_vectors reset (parallel_workers)`;
  await sql`vacuum analyze`;
  await sql`
    select mayfly_private.tune_search(s.tenant_id, s.model) from mayfly_private.settlements s`;
}

/** Questions from where the vectors are. */
export async function makeQuestions(sql: Sql, count: number): Promise<string[]> {
  const rows = await sql.unsafe(
    `with ${choosing(`generate_series(1, ${count}) rows (id)`)} select ${someVector}::text as vector from r ${somewhere}`,
  );
  return rows.map((row) => row.vector as string);
}
