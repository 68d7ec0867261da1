import { type RawBuilder, sql } from "kysely";
import type { Payload } from "./payload.ts";
import type { WritableColumn } from "./schema-cache.ts";

export interface Table {
  schema: string;
  name: string;
  columns: ReadonlyMap<string, WritableColumn>;
  primaryKey: string[];
  /** The names of functions that take a row of this table. Their results are shown like columns. */
  computed: string[];
}

export interface Conflict {
  columns: string[];
  resolution: "merge-duplicates" | "ignore-duplicates";
}

/** One write to a table. */
export interface Mutation {
  method: "POST" | "PATCH" | "PUT" | "DELETE";
  table: Table;
  payload: Payload | undefined;
  /** The value of a column whose key is missing in a row's object: the column's default, or null. */
  missing?: "default" | "null" | undefined;
  where?: RawBuilder<unknown> | undefined;
  conflict?: Conflict | undefined;
  /** The key values of a PUT. */
  key?: ReadonlyMap<string, string>;
}

type Raw = RawBuilder<unknown>;
const list = (items: Raw[]) => sql.join(items, sql`, `);
const refs = (names: string[]) => list(names.map((name) => sql`${sql.id(name)}`));

/** The body's n-th value, under a name that cannot be confused with a column of the table. */
const given = (at: number) => sql`${sql.id("pgrst_body", `pgrst_${at}`)}`;

/**
 * @param shown the columns that the statement returns. Otherwise it returns the whole row: `row` as
 * one value, `*` in columns.
 */
export function mutationOf(mutation: Mutation, shown: string[] | "row" | "*"): Raw {
  const { method, table, payload, where, conflict, key } = mutation;
  const target = sql`${sql.id(table.schema, table.name)}`;
  const returning = returningOf(table, shown);
  const filter = where ? sql` where ${where}` : sql``;
  if (method === "DELETE" || !payload) return sql`delete from ${target}${filter}${returning}`;
  const { names } = payload;
  const rows = sql`${rowsOf(mutation, payload)} as pgrst_body`;

  if (method === "PATCH") {
    // An update without columns changes no row, as in PostgREST.
    if (names.length === 0)
      return sql`select ${columnsOf(table, shown)} from ${target} where false`;
    const set = names.map((name, at) => sql`${sql.id(name)} = ${given(at)}`);
    return sql`update ${target} set ${list(set)} from ${rows}${filter}${returning}`;
  }

  const into = names.length === 0 ? sql`` : sql` (${refs(names)})`;
  const values = list(names.map((_, at) => given(at)));
  const conflicts = key ? [...key.keys()] : conflict?.columns;
  const merge = key !== undefined || conflict?.resolution === "merge-duplicates";
  const conditions = [
    ...(merge ? [counted(1)] : []),
    ...[...(key ?? [])].map(([name, value]) => {
      const at = names.indexOf(name);
      const type = sql.raw(table.columns.get(name)?.type ?? "text");
      return at < 0 ? sql`false` : sql`${given(at)} = ${value}::text::${type}`;
    }),
  ];
  const only = conditions.length > 0 ? sql` where ${sql.join(conditions, sql` and `)}` : sql``;
  return sql`insert into ${target}${into} select ${values} from ${rows}${only}${
    conflicts ? onConflict(conflicts, names, merge) : sql``
  }${returning}`;
}

function onConflict(columns: string[], names: string[], merge: boolean): Raw {
  const on = sql` on conflict (${refs(columns)}) do`;
  if (!merge || names.length === 0) return sql`${on} nothing`;
  const set = names.map((name) => sql`${sql.id(name)} = ${sql.id("excluded", name)}`);
  return sql`${on} update set ${list(set)} where ${counted(-1)}`;
}

/**
 * A condition that is always true. Like PostgREST, it counts the inserted rows in a setting, but not
 * the updated rows.
 */
const counted = (step: 1 | -1) => sql`set_config('pgrst.inserted', (coalesce(
  nullif(current_setting('pgrst.inserted', true), '')::int, 0) + ${sql.lit(step)})::text, true) <> '-2147483648'`;

function returningOf(table: Table, shown: string[] | "row" | "*"): Raw {
  if (Array.isArray(shown) && shown.length === 0) return sql` returning 1 as pgrst_one`;
  return sql` returning ${columnsOf(table, shown)}`;
}

function columnsOf({ schema, name }: Table, shown: string[] | "row" | "*"): Raw {
  if (shown === "*") return sql`${sql.id(name)}.*`;
  if (shown === "row") return sql`(${sql.id(name)}.*)::${sql.id(schema, name)} as pgrst_row`;
  if (shown.length === 0) return sql`1 as pgrst_one`;
  return list(shown.map((column) => sql`${sql.id(name, column)}`));
}

/** The body's rows. Only Postgres reads their values. */
function rowsOf({ table, missing }: Mutation, payload: Payload): Raw {
  const { json, isObject, names } = payload;
  const body = sql`${json}::text::json`;
  const columns = names.map((name) => table.columns.get(name));
  const record = list(
    names.map((name, at) => {
      const column = columns[at];
      return sql`${sql.id(name)} ${sql.raw(column?.fromJson ? "json" : (column?.type ?? "text"))}`;
    }),
  );
  const read = (name: string, at: number) => {
    const value = sql`${sql.id("pgrst_record", name)}`;
    const fromJson = columns[at]?.fromJson;
    return fromJson ? sql`${sql.raw(fromJson)}(${value})` : value;
  };
  const elements = isObject
    ? sql`(values (${body})) as pgrst_elements (pgrst_element)`
    : sql`json_array_elements(${body}) as pgrst_elements (pgrst_element)`;
  if (names.length === 0) return sql`(select from ${elements})`;

  if (missing !== "default") {
    const values = names.map((name, at) => sql`${read(name, at)} as ${sql.id(`pgrst_${at}`)}`);
    const records = sql.raw(isObject ? "json_to_record" : "json_to_recordset");
    return sql`(select ${list(values)} from ${records}(${body}) as pgrst_record (${record}))`;
  }
  const values = names.map((name, at) => {
    // Safe to use as SQL: the default is an expression from the catalog, which the table's owner has
    // written.
    const otherwise = sql.raw(
      `(${columns[at]?.default ?? "null"})::${columns[at]?.type ?? "text"}`,
    );
    return sql`case when ${name}::text = any (pgrst_keys.pgrst_names)
      then ${read(name, at)} else ${otherwise} end as ${sql.id(`pgrst_${at}`)}`;
  });
  return sql`(
    select ${list(values)}
    from ${elements},
      lateral (select array(select json_object_keys(pgrst_element))) as pgrst_keys (pgrst_names),
      lateral json_to_record(pgrst_element) as pgrst_record (${record})
  )`;
}
