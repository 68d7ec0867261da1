/**
 * Tenants with memories and vectors, which the database makes. The vectors have the length 1 and form
 * clusters.
 */
import { makeTenant, type Sql } from "#harness/callers";

/** Quotas that are too high to interfere. */
const unlimited = { max_memories: 1e9, max_bytes: 1e12, writes_per_minute: 1e9 };

/** The distribution of vectors: how many directions there are, how far vectors are from them, and the seed. */
export interface Clusters {
  seed: number;
  directions: number;
  noise: number;
}
/** The distribution on which the constants of recall were tuned. */
export const tuned: Clusters = { seed: 0.5, directions: 200, noise: 0.6 };
/** A different distribution, with fewer and looser clusters. */
export const heldOut: Clusters = { seed: 0.123, directions: 40, noise: 0.9 };

/** Makes directions and noises once. Every vector is then a sum of a direction and two noises, which costs little. */
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

/** A vector: the sum of one of the `directions` and two of the `noises`. */
const someVector = `extensions.l2_normalize(d.vector operator(extensions.+) a.vector operator(extensions.+) b.vector)::extensions.halfvec(384)`;
const somewhere = `
  join directions d on d.n = r.direction join noises a on a.n = r.a join noises b on b.n = r.b`;
/** Chooses a direction and two noises for each row, once. */
const choosing = (rows: string) => `
  r as materialized (select rows.id, 1 + floor(random() * (select count(*) from directions))::int as direction, 1 + floor(random() * 2000)::int as a,
    1 + floor(random() * 2000)::int as b from ${rows})`;

/**
 * A UUIDv7 for row `n`. Its time is a millisecond later than that of the row before, because the ids that
 * agents make also grow with time.
 */
const orderedId = `(overlay(lpad(to_hex(1750000000000 + n), 12, '0') placing '-' from 9 for 0) || '-7' || right(gen_random_uuid()::text, 21))::uuid`;

/**
 * Makes a tenant with `size` memories. Every tenth memory has the tag `tenth`, and every thousandth also has
 * the tag `rare`. Each is about one of a thousand subjects, such as `subject7`.
 */
export async function fillTenant(sql: Sql, size: number): Promise<string> {
  const tenant = await makeTenant(sql, unlimited);
  await sql.unsafe(`
    insert into mayfly.memories (tenant_id, id, task, tags)
    select '${tenant}', ${orderedId}, 'task ' || n || ' on subject' || n % 1000, case when n % 1000 = 0 then '{tenth,rare}'::text[] when n % 10 = 0 then '{tenth}' else '{}' end
    from generate_series(1, ${size}) n`);
  // Otherwise the planner may expect one row in a tenant of 100,000, and join with loops for ten minutes.
  if (size >= 10_000) await sql.unsafe("analyze mayfly.memories, directions, noises");
  await sql.unsafe(`
    with ${choosing(`mayfly.memories rows where tenant_id = '${tenant}'`)}
    insert into mayfly.memory_vectors (tenant_id, model, memory_id, embedding)
    select '${tenant}', 'bench', r.id, ${someVector} from r ${somewhere} order by r.id`);
  return tenant;
}

/**
 * In each of the given tenants, settles all vectors except the newest `fresh`. Meanwhile there is no index,
 * because settling vectors into an existing index would take minutes. Then builds the index and tunes the
 * search.
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
  // Two processes build the index, even if the table is small.
  await sql`alter table mayfly.memory_vectors set (parallel_workers = 1)`;
  await sql.unsafe(index?.made_by as string);
  await sql`alter table mayfly.memory_vectors reset (parallel_workers)`;
  await sql`vacuum analyze`;
  await sql`
    select mayfly_private.tune_search(s.tenant_id, s.model) from mayfly_private.settlements s`;
}

/** Questions from the same distribution as the vectors. */
export async function makeQuestions(sql: Sql, count: number): Promise<string[]> {
  const rows = await sql.unsafe(
    `with ${choosing(`generate_series(1, ${count}) rows (id)`)} select ${someVector}::text as vector from r ${somewhere}`,
  );
  return rows.map((row) => row.vector as string);
}
