/** Reads what a database contains and promises to callers, to compare it before and after an upgrade. */
import type { Sql } from "#harness/callers";

/** `schema.table`, and its columns in order. */
export type Tables = Record<string, string[]>;

/** Every table of ours. */
export async function tablesOf(sql: Sql): Promise<Tables> {
  const rows = await sql`
    select format('%s.%s', n.nspname, c.relname) as name, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where n.nspname in ('mayfly', 'mayfly_private') and c.relkind = 'r' group by 1 order by 1`;
  return Object.fromEntries(rows.map(({ name, columns }) => [name, columns]));
}

/**
 * The given tables without columns that are computed from others, because an export need not have such
 * columns.
 */
export async function withoutGenerated(sql: Sql, tables: Tables): Promise<Tables> {
  const rows = await sql`
    select format('%s.%s.%s', n.nspname, c.relname, a.attname) as name
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('mayfly', 'mayfly_private') and a.attgenerated <> ''`;
  const generated = new Set(rows.map(({ name }) => name as string));
  return Object.fromEntries(
    Object.entries(tables).map(([table, columns]) => [
      table,
      columns.filter((column) => !generated.has(`${table}.${column}`)),
    ]),
  );
}

/**
 * The number of rows of each of these tables, and a checksum of each of these columns.
 *
 * @param where which rows; all by default.
 */
export async function checksumsOf(
  sql: Sql,
  tables: Tables,
  where: (columns: string[]) => string = () => "true",
): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  for (const [table, columns] of Object.entries(tables)) {
    const sum = (column: string) =>
      `md5(coalesce(string_agg(quote_nullable(t."${column}"::text), ' ' order by t::text collate "C"), ''))`;
    // The rows are sorted by the columns from before the upgrade, because a new column would change the order.
    const old = columns.map((column) => `"${column}"`).join(", ");
    const [row] = await sql.unsafe(
      `select count(*)::int as "how many", ${columns.map((column) => `${sum(column)} as "${column}"`).join(", ")}
      from (select ${old} from ${table} where ${where(columns)}) t`,
    );
    for (const [column, value] of Object.entries(row ?? {}))
      sums[column === "how many" ? `rows of ${table}` : `${table}.${column}`] = String(value);
  }
  return sums;
}

interface Promised {
  /** Parameters that a caller may leave out are marked with `?`. */
  parameters: string[];
  result: string;
  roles: string[];
}

/** The functions that callers of the Data API can call, and the columns that they can read. */
export async function promisesOf(
  sql: Sql,
): Promise<{ functions: Record<string, Promised>; columns: Record<string, string> }> {
  const roles = "array['anon', 'authenticated', 'service_role']";
  const functions = await sql.unsafe(`
    select p.proname as name, pg_get_function_result(p.oid) as result,
      (select coalesce(array_agg(format('%s %s%s', a.name, format_type(a.type, null),
          case when a.place > p.pronargs - p.pronargdefaults then '?' end) order by a.place), '{}')
        from unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) with ordinality a (name, type, place)
        where a.place <= p.pronargs) as parameters,
      (select array_agg(r order by r) from unnest(${roles}) r where has_function_privilege(r, p.oid, 'execute')) as roles
    from pg_proc p where p.pronamespace = 'mayfly'::regnamespace`);
  const columns = await sql.unsafe(`
    select format('%s.%s', c.relname, a.attname) as name, format('%s for %s', format_type(a.atttypid, a.atttypmod),
      (select string_agg(r, ', ' order by r) from unnest(${roles}) r where has_column_privilege(r, c.oid, a.attnum, 'select'))) as said
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'mayfly'::regnamespace and c.relkind in ('r', 'v') and a.attnum > 0 and not a.attisdropped
      and exists (select from unnest(${roles}) r where has_column_privilege(r, c.oid, a.attnum, 'select'))`);
  return {
    functions: Object.fromEntries(
      functions
        .filter(({ roles }) => roles !== null)
        .map(({ name, ...promised }) => [name, promised as unknown as Promised]),
    ),
    columns: Object.fromEntries(columns.map(({ name, said }) => [name, said])),
  };
}

type Promises = Awaited<ReturnType<typeof promisesOf>>;

/** Treats json and jsonb as one type, because callers get the same JSON from both. */
const onWire = (result: string) => (result === "json" ? "jsonb" : result);

/** Promises that no longer hold, one sentence each. */
export function brokenPromises(before: Promises, after: Promises): string[] {
  const broken: string[] = [];
  for (const [name, old] of Object.entries(before.functions)) {
    const now = after.functions[name];
    if (!now) {
      broken.push(
        `mayfly.${name} is gone: keep it in sql/<room>/deprecated/ until the next release.`,
      );
      continue;
    }
    const bare = (parameter: string) => parameter.replace(/\?$/, "");
    const known = now.parameters.map(bare);
    for (const parameter of old.parameters)
      if (!known.includes(bare(parameter)))
        broken.push(`mayfly.${name} no longer takes "${bare(parameter)}".`);
      else if (parameter.endsWith("?") && !now.parameters.includes(parameter))
        broken.push(
          `mayfly.${name} now insists on "${bare(parameter)}": give it its default back.`,
        );
    const asked = old.parameters.map(bare);
    for (const parameter of now.parameters)
      if (!parameter.endsWith("?") && !asked.includes(parameter))
        broken.push(`mayfly.${name} needs the new parameter "${parameter}": give it a default.`);
    // A function that returns a table may get new columns, if they come last.
    const isTable = old.result.startsWith("TABLE(");
    if (
      onWire(now.result) !== onWire(old.result) &&
      !(isTable && now.result.startsWith(`${old.result.slice(0, -1)},`))
    )
      broken.push(`mayfly.${name} returned ${old.result} and now returns ${now.result}.`);
    for (const role of old.roles)
      if (!now.roles.includes(role)) broken.push(`${role} may no longer call mayfly.${name}.`);
  }
  for (const [name, old] of Object.entries(before.columns))
    if (after.columns[name] !== old)
      broken.push(`mayfly.${name} was ${old} and is ${after.columns[name] ?? "gone"}.`);
  return broken;
}
