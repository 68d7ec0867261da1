import type { PostgresPool } from "./postgres-pool.ts";
import type { Answer } from "./transport.ts";

/** A function of the schema mayfly, from the catalog. */
interface FunctionRow {
  name: string;
  arguments: string[];
  types: string[];
  /** How many of its arguments have no default. */
  required: number;
  /** Whether the function only reads. */
  reads: boolean;
  /** Whether the function returns a set. */
  many: boolean;
  /** Whether the function returns nothing. */
  nothing: boolean;
}

/** How to call a function with these arguments. */
export interface Target extends FunctionRow {
  given: string[];
}

/** The most rows of a set that the Data API returns by default. */
const mostRows = 1_000;
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/**
 * The functions of the schema, read once. If a call names an unknown function or argument, an
 * upgrade may have added it, so the functions are read again.
 */
export class Functions {
  readonly #pool: PostgresPool;
  #read: Promise<Map<string, FunctionRow>> | undefined;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async find(name: string, given: string[]): Promise<Target | Answer> {
    const before = this.#read;
    const found = await this.#fitting(name, given);
    if (found || !before) return found ?? lacking(name, given);
    this.forget();
    return (await this.#fitting(name, given)) ?? lacking(name, given);
  }

  /** Reads the catalog again at the next call. */
  forget(): void {
    this.#read = undefined;
  }

  async #fitting(name: string, given: string[]): Promise<Target | undefined> {
    this.#read ??= this.#load().catch((error: unknown) => {
      this.forget();
      throw error;
    });
    const target = (await this.#read).get(name);
    if (!target) return undefined;
    const required = target.arguments.slice(0, target.required);
    const fits =
      given.every((argument) => target.arguments.includes(argument)) &&
      required.every((argument) => given.includes(argument));
    return fits ? { ...target, given } : undefined;
  }

  async #load(): Promise<Map<string, FunctionRow>> {
    const rows = await this.#pool.use(
      (sql) => sql<FunctionRow[]>`
      select p.proname as name, coalesce(to_json(p.proargnames[1:p.pronargs]), '[]') as arguments,
        (select coalesce(json_agg(format_type(t.oid, null) order by t.n), '[]')
          from unnest(p.proargtypes) with ordinality as t (oid, n)) as types,
        p.pronargs - p.pronargdefaults as required, p.provolatile <> 'v' as reads, p.proretset as many,
        p.prorettype = 'pg_catalog.void'::regtype as nothing
      from pg_catalog.pg_proc p
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
      where n.nspname = 'mayfly' and p.prokind = 'f'`,
    );
    return new Map(rows.map((row) => [row.name, row]));
  }
}

/** The error for a missing function, in the words of the Data API. */
const lacking = (name: string, given: string[]): Answer => ({
  data: null,
  error: {
    code: "PGRST202",
    message: `Could not find the function mayfly.${name}(${given.toSorted().join(", ")}) in the schema cache`,
    details: null,
    hint: null,
  },
  status: 404,
});

/**
 * The statement for a call, like that of PostgREST: the arguments and the answer are each one JSON text.
 * It runs as `role` or not at all. Each role has its own statement text, because a prepared statement
 * checks only once whether the schema may be used.
 */
export function statementOf(target: Target, role: string): string {
  const { name, given, types, many, nothing } = target;
  const typeOf = (argument: string) => types[target.arguments.indexOf(argument)];
  const columns = given.map((argument) => `${quoted(argument)} ${typeOf(argument)}`).join(", ");
  const passed = given.map((argument) => `${quoted(argument)} := a.${quoted(argument)}`).join(", ");
  const from = given.length > 0 ? `json_to_record($1::text::json) as a (${columns}), lateral ` : "";
  const called = `from ${from}mayfly.${quoted(name)}(${passed}) as c`;
  const asked = `where current_user = '${role}' and $1::text is not null`;
  if (nothing) return `select 'null' as body ${called} ${asked}`;
  if (!many) return `select coalesce(to_json(c)::text, 'null') as body ${called} ${asked}`;
  return `select coalesce(json_agg(r.c), '[]')::text as body from (select c ${called} ${asked} limit ${mostRows}) r where current_user = '${role}'`;
}
