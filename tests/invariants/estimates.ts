import { expect } from "vitest";
import { actAs, type Claims, type Sql } from "#harness/callers";
import { openPgliteDatabase, openPostgresDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";

/**
 * Columns with values from fixed lists. They keep their statistics because plans need them, as the ids
 * below do: without those of tenant_id, a recall takes up to 84 times as long. For a new column, write `set
 * statistics 0` into the file of its table, or add the column here with a reason.
 */
export const words: Record<string, string[]> = {
  // A check constraint lists the values of these columns.
  agents: ["status", "activity"],
  approval_decisions: ["decided_kind", "verdict"],
  approval_policies: ["autonomy"],
  approvals: ["requested_kind", "status"],
  artifacts: ["status"],
  budgets: ["level", "period"],
  channels: ["kind"],
  debug_records: ["category"],
  events: ["type"],
  finished_jobs: ["status"],
  invitations: ["role"],
  job_schedules: ["catch_up", "overlap"],
  jobs: ["status"],
  members: ["role"],
  memories: ["kind", "visibility"],
  memory_conflicts: ["field"],
  messages: ["sender_kind", "priority"],
  model_usage: ["priced"],
  rate_limits: ["level"],
  run_tool_calls: ["status"],
  runs: ["status"],
  polls: ["rule", "status"],
  team_alerts: ["kind", "status"],
  teams: ["status"],
  tenders: ["rule", "status"],
  // Tables of the whole project: everybody may see all their rows.
  event_kinds: ["kind", "scope", "admin_scope", "description"],
  model_names: ["provider", "name", "model"],
  model_prices: ["provider", "model", "prices", "source"],
  scopes: ["name", "description", "roles"],
  state_versions: ["action"],
};
/**
 * Ids by which rows are found and joined. An estimate reveals something about an id only to somebody who
 * already knows the id. Ids in primary keys are read from the catalog, so a new table needs no line here.
 */
export const ids: Record<string, string[]> = {
  agent_liveness: ["tenant_id", "agent_id"],
  agent_types: ["tenant_id"],
  agents: ["tenant_id", "id", "parent_id"],
  budgets: ["tenant_id"],
  channel_subscriptions: ["tenant_id", "channel_id", "subscriber_id"],
  channels: ["tenant_id", "id"],
  debug_records: ["tenant_id", "id", "agent_id"],
  deliveries: ["tenant_id", "recipient_id", "message_id"],
  enrolment_keys: ["tenant_id", "id"],
  events: ["tenant_id"],
  finished_jobs: ["tenant_id", "id"],
  inboxes: ["tenant_id", "recipient_id"],
  invitations: ["tenant_id", "id"],
  job_attempts: ["tenant_id"],
  job_queues: ["tenant_id"],
  job_schedules: ["tenant_id"],
  job_signals: ["tenant_id"],
  job_steps: ["tenant_id"],
  jobs: ["tenant_id", "id"],
  members: ["tenant_id", "user_id"],
  memories: ["tenant_id", "id"],
  memory_conflicts: ["tenant_id", "id", "memory_id"],
  memory_vectors: ["tenant_id", "memory_id"],
  messages: ["tenant_id", "id", "channel_id"],
  rate_limits: ["tenant_id"],
  run_chunks: ["tenant_id"],
  run_model_calls: ["tenant_id"],
  run_tool_calls: ["tenant_id"],
  runs: ["tenant_id", "id"],
  state_versions: ["tenant_id", "state_id"],
  states: ["tenant_id", "id", "agent_id"],
  tenants: ["id"],
};
/** Types whose statistics reveal no content: they describe the whole project, and nobody can query `json`. */
const plain =
  /^(smallint|integer|bigint|real|double precision(\[\])?|boolean|timestamp.*|interval|xid8|json)$/;

export interface Column {
  relation: string;
  name: string;
  type: string;
  target: number | null;
  /** The number of the column. To set the statistics of an index, this number is needed instead of a name. */
  place: number;
  kind: "r" | "i";
  /** Whether the column is an id in the primary key of its table. */
  keyed: boolean;
}

export const columnsOf = async (sql: Sql): Promise<Column[]> => [
  ...(await sql<Column[]>`
    select c.relname as relation, a.attname as name, format_type(a.atttypid, null) as type,
      a.attstattarget as target, a.attnum as place, c.relkind as kind,
      a.atttypid = 'uuid'::regtype and exists (
        select from pg_index k where k.indrelid = c.oid and k.indisprimary and a.attnum = any (k.indkey)) as keyed
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    join pg_namespace n on n.oid = c.relnamespace
    left join pg_index x on x.indexrelid = c.oid
    where n.nspname = 'mayfly' and a.attnum > 0 and not a.attisdropped
      and has_table_privilege('authenticated', coalesce(x.indrelid, c.oid), 'select')
      -- In an index, only expressions have statistics of their own.
      and (c.relkind in ('r', 'p', 'm') or x.indkey[a.attnum - 1] = 0)
    order by 1, a.attnum`),
];

/** Indexes whose expressions have no content: only the tenant's id, and times. */
const expressions = ["memory_vectors_tail_idx", "states_over_idx"];

const isContent = ({ relation, name, type, kind, keyed }: Column) =>
  kind === "i"
    ? !expressions.includes(relation)
    : !keyed &&
      !plain.test(type) &&
      !words[relation]?.includes(name) &&
      !ids[relation]?.includes(name);

export const contentOf = async (sql: Sql) => (await columnsOf(sql)).filter(isContent);

/** The value, by type, that a copy gets in a column with content if the copied row has none there. */
const filled: Record<string, string> = {
  text: "'secret@words.example'::text",
  uuid: "'5ec4e75e-c4e7-4ec4-8ec4-5ec4e75ec4e7'::uuid",
  "text[]": "'{secret}'::text[]",
  "uuid[]": "'{5ec4e75e-c4e7-4ec4-8ec4-5ec4e75ec4e7}'::uuid[]",
  jsonb: `'{"secret": true}'::jsonb`,
  bytea: "sha256('secret')",
  numeric: "12.5::numeric",
};

const empty: Record<string, string> = { "text[]": "'{}'", "uuid[]": "'{}'", jsonb: "'{}'" };

/** Copies one row of the tenant in each table 300 times, so that its values become the most common ones. */
export async function crowd(sql: Sql, tenant: string, content: Column[]): Promise<void> {
  const ofTables = content.filter(({ kind }) => kind !== "i").map(({ relation }) => relation);
  const tables = new Set([...Object.keys(ids), ...ofTables]);
  const unique = await sql<
    { table: string; columns: { name: string; type: string }[]; nulls: boolean }[]
  >`
    select c.relname as table, i.indnullsnotdistinct as nulls,
      (select jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, null)))
      from pg_attribute a where a.attrelid = c.oid and a.attnum = any (i.indkey)) as columns
    from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'mayfly' and i.indisunique`;
  await sql.begin(async (session) => {
    // Only the planner reads the copies, so they are made without triggers, foreign keys and checks.
    await session`set local session_replication_role = replica`;
    const checks = await session`
      select conrelid::regclass::text as relation, conname from pg_constraint
      where contype = 'c' and connamespace = 'mayfly'::regnamespace and conrelid <> 0`;
    for (const { relation, conname } of checks)
      await session.unsafe(`alter table ${relation} drop constraint "${conname}"`);
    for (const table of tables) {
      const owner = table === "tenants" ? "id" : "tenant_id";
      const news: Record<string, string> = {};
      for (const { name, type } of content.filter(({ relation }) => relation === table))
        if (filled[type])
          news[name] =
            `coalesce(nullif(t.${name}::text, ${empty[type] ?? "''"})::${type}, ${filled[type]})`;
      // In each unique key, one column of the copy gets a new value: an id or a number if the key has one.
      for (const { columns, nulls } of unique.filter((one) => one.table === table)) {
        const free = columns.filter(({ name }) => table === "tenants" || name !== "tenant_id");
        const changed = free.find(({ type }) => type !== "text") ?? free[0];
        if (!changed) throw new Error(`${table} has one row for each tenant.`);
        const { name, type } = changed;
        const fresh: Record<string, string> = {
          uuid: "gen_random_uuid()",
          text: "'copy-' || n",
          bytea: "sha256(n::text::bytea)",
        };
        const value = fresh[type] ?? "n + 1000";
        // If the index treats nulls as equal, a null in the copy would be a duplicate.
        news[name] =
          nulls && type === "uuid" ? value : `case when t.${name} is not null then ${value} end`;
      }
      const columns = await session`
        select attname as name from pg_attribute where attrelid = ${`mayfly.${table}`}::regclass
          and attnum > 0 and not attisdropped and attgenerated = ''`;
      const names = columns.map(({ name }) => name as string);
      const values = names.map((name) => (news[name] ? `(${news[name]})` : `t.${name}`));
      await session.unsafe(
        `insert into mayfly.${table} (${names.map((name) => `"${name}"`)}) overriding system value
         select ${values} from (select * from mayfly.${table} where ${owner} = $1 limit 1) t, generate_series(1, 300) n`,
        [tenant],
      );
    }
  });
}

/**
 * Conditions on the column COL, by its type. VAL is a value that somebody has, or one like it that nobody
 * has.
 */
export const asked: Record<string, { conditions: string[]; nobodys: string }> = {
  text: {
    conditions: [
      "COL = VAL",
      "COL >= VAL and COL < VAL || 'zz'",
      "COL < VAL",
      "COL like VAL || '%'",
      "COL is null",
    ],
    nobodys: "repeat('z', char_length(VAL))",
  },
  "text[]": {
    conditions: ["COL = VAL", "COL @> VAL", "COL && VAL", "COL <@ VAL"],
    nobodys: "array(select 'nobody ' || n from generate_subscripts(VAL, 1) n)",
  },
  bytea: { conditions: ["COL = VAL", "COL < VAL"], nobodys: "sha256('nobody')" },
  uuid: { conditions: ["COL = VAL", "COL < VAL"], nobodys: "gen_random_uuid()" },
  "uuid[]": {
    conditions: ["COL = VAL", "COL @> VAL", "COL && VAL"],
    nobodys: "array(select gen_random_uuid() from generate_subscripts(VAL, 1))",
  },
  numeric: { conditions: ["COL = VAL", "COL < VAL"], nobodys: "VAL + 1000" },
  jsonb: {
    conditions: ["COL = VAL", "COL @> VAL", "COL < VAL"],
    nobodys: `'{"nobody": "has this"}'::jsonb`,
  },
  tsvector: {
    conditions: ["COL = VAL", "COL @@ VAL::text::tsquery"],
    nobodys: "'nobody'::tsvector",
  },
  halfvec: {
    conditions: ["COL operator(extensions.=) VAL"],
    nobodys: "array_fill(0.5, '{384}')::real[]::extensions.halfvec(384)",
  },
};

interface PlanRow {
  "QUERY PLAN": [{ Plan: { "Plan Rows": number } }];
}

/** The conditions for which the planner's estimate of rows reveals whether somebody has the value. */
export async function differences(sql: Sql, caller: Claims, content: Column[]): Promise<string[]> {
  const found: string[] = [];
  for (const { relation, name, type } of content.filter(({ kind }) => kind === "r")) {
    const column = `"${name}"`;
    const how = asked[type.replace("extensions.", "")];
    if (!how)
      throw new Error(`Say in \`asked\` what can be asked of ${type} (${relation}.${name}).`);
    const value = type === "tsvector" ? `(tsvector_to_array(${column}))[1]` : `${column}::text`;
    const [row] = await sql.unsafe(
      `select ${value} as value from mayfly.${relation} where ${column} is not null
       group by ${column} order by count(*) desc limit 1`,
    );
    expect(row, `${relation}.${name}: no row has a value`).toBeDefined();
    const literal = `'${String(row?.value).replaceAll("'", "''")}'`;
    const there = type === "tsvector" ? `${literal}::tsvector` : `${literal}::${type}`;
    // Both values are constants in the query, because the planner does not estimate the result of a subquery.
    const [other] = await sql.unsafe(
      `select (${how.nobodys.replace("VAL", () => there)})::text as value`,
    );
    const nobodys = `'${String(other?.value).replaceAll("'", "''")}'::${type}`;
    const rowsWhere = (condition: string) => (what: string) =>
      `explain (format json) select 1 from mayfly.${relation}
       where ${condition.replaceAll("COL", column).replaceAll("VAL", () => what)}`;
    // All plans are asked for in one call, because there are hundreds of conditions.
    const asks = how.conditions.flatMap((condition) => [there, nobodys].map(rowsWhere(condition)));
    const plans = await actAs(sql, caller, (session) =>
      session.unsafe<PlanRow[][]>(asks.join(";\n")),
    );
    const rows = plans.map(([plan]) => plan?.["QUERY PLAN"][0].Plan["Plan Rows"]);
    expect(rows).toHaveLength(asks.length);
    for (const [at, condition] of how.conditions.entries())
      if (rows[2 * at] !== rows[2 * at + 1]) found.push(`${relation}.${name} ${condition}`);
  }
  return found;
}

/** Which of these columns and index expressions have statistics. */
export const statisticsOf = async (sql: Sql, content: Column[]) => {
  const rows =
    await sql`select tablename || '.' || attname as name from pg_stats where schemaname = 'mayfly'`;
  const wanted = new Set(content.map(({ relation, name }) => `${relation}.${name}`));
  return rows.map((row) => row.name as string).filter((name) => wanted.has(name));
};

export const setStatistics = async (sql: Sql, content: Column[], target: number) => {
  for (const { relation, name, place, kind } of content)
    await sql.unsafe(
      kind === "i"
        ? `alter index mayfly.${relation} alter column ${place} set statistics ${target}`
        : `alter table mayfly.${relation} alter column "${name}" set statistics ${target}`,
    );
};

export const databases = [
  ["PGlite", openPgliteDatabase, true],
  ["Postgres 17", openPostgresDatabase, Boolean(databaseUrl)],
] as const;
