/** The baseline of recall: plain pgvector and full text, without policies. */
import type { Sql } from "#harness/callers";

/** The figures of one query. */
export interface Measured {
  call: string;
  p50: number;
  recall: number;
}

export const ours =
  "select array(select memory_id from mayfly_private.nearest($1, 'bench', $2, 20) limit 10)";
export const exact = "select array(select plain_exact($1, $2))";
export const hnsw = (ef: number) => `select array(select plain_hnsw($1, $2, ${ef}))`;
export const nameOf = (call: string) =>
  call === exact ? "exact" : call.replace(/.*, (\d+)\)\)$/, "HNSW, ef_search $1");

/**
 * Makes functions for the plain queries, and one that compares queries. It measures inside the database, so
 * that no round trip is included. The queries take turns, and each gets a different question than the query
 * before. With the same question, only the first query would find cold caches.
 */
export async function makePlain(sql: Sql): Promise<void> {
  await sql.unsafe(`
create function plain_exact(tenant uuid, asked extensions.halfvec) returns setof uuid language plpgsql stable as $$
begin
  return query select v.memory_id from mayfly.memory_vectors v where v.tenant_id = tenant and v.model = 'bench'
    order by v.embedding operator(extensions.<=>) asked limit 10;
end $$;
create function plain_hnsw(tenant uuid, asked extensions.halfvec, ef integer) returns setof uuid language plpgsql stable
set enable_sort = off set jit = off as $$
begin
  perform set_config('hnsw.ef_search', ef::text, true), set_config('hnsw.iterative_scan', 'relaxed_order', true);
  return query select v.memory_id from mayfly.memory_vectors v where v.settled and v.tenant_id = tenant and v.model = 'bench'
    order by v.embedding operator(extensions.<=>) asked limit 10;
end $$;
create function compare(calls text[], tenant uuid, questions text[], rounds integer)
returns table (call text, p50 double precision, recall double precision) language plpgsql as $$
declare
  asked constant extensions.halfvec(384)[] := questions::extensions.halfvec(384)[];
  many constant integer := cardinality(questions);
  ids uuid[];
  began timestamptz;
  took double precision;
  q integer;
begin
  create temp table best on commit drop as
  select i, array(select plain_exact(tenant, asked[i])) as ids from generate_series(1, many) i;
  create temp table measured (call text, q integer, ms double precision, ids uuid[]) on commit drop;
  -- The first round warms up.
  for round in 0..rounds loop
    for i in 1..many loop
      for c in 1..cardinality(calls) loop
        q := 1 + (i + c * many / cardinality(calls)) % many;
        began := clock_timestamp();
        execute calls[c] into ids using tenant, asked[q];
        took := extract(epoch from clock_timestamp() - began) * 1000;
        if round > 0 then
          insert into measured values (calls[c], q, took, ids);
        end if;
      end loop;
    end loop;
  end loop;
  return query
  select m.call, percentile_cont(0.5) within group (order by m.ms),
    avg((select count(*) from unnest(m.ids) id where id = any (b.ids)) / cardinality(b.ids)::double precision)
  from measured m join best b on b.i = m.q group by m.call;
  drop table measured, best;
end $$`);
}

/** The fastest plain query that finds as many of the best ten as ours does, or at least 99 % of them. */
export function bestPlain(measured: Measured[], own: Measured): Measured {
  const [best] = measured
    .filter((row) => row.call !== ours && row.recall >= Math.min(own.recall, 0.99))
    .toSorted((a, b) => a.p50 - b.p50);
  if (!best) throw new Error("No plain query finds as much.");
  return best;
}
