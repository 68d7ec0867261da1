import {
  type CompiledQuery,
  DummyDriver,
  ExpressionWrapper,
  Kysely,
  type OperationNode,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  SelectQueryNode,
  sql,
} from "kysely";
import type { Sql } from "postgres";
import { Refusal } from "./caller.ts";
import type { RequestContext, Said } from "./context.ts";
import type { Early } from "./early.ts";
import { apiError, databaseError, isDatabaseError } from "./errors.ts";
import { type Conflict, type Mutation, mutationOf, type Table } from "./mutation.ts";
import { payloadOf } from "./payload.ts";
import { commits, type Preferences } from "./preferences.ts";
import { projectionOver } from "./projection.ts";
import type { Schema } from "./schema-cache.ts";
import { asSaid, inSession, openingOf } from "./session.ts";
import { appliedTo, locationOf, rangeOf, statusOf, wrongCount } from "./write-answer.ts";

export interface WriteTools {
  pool: Sql;
  early: Early | undefined;
  schema: Schema;
  /** Asks lite for the filters of the request's table, or for the projection of its rows. */
  read(parameters: URLSearchParams, context: RequestContext): Promise<Response>;
}

const compiler = new Kysely<Record<string, never>>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/**
 * Writes to a table in one statement, like PostgREST. Postgres reads the body's values, and the
 * answer shows the rows that were written. lite makes only the filters and the projection. Its own
 * writes are not used, because they pass values through JavaScript and need further statements to
 * show the rows.
 * @returns undefined if it is not a write to a known table
 * @throws Refusal
 */
export async function write(
  request: Request,
  context: RequestContext,
  body: string | null,
  tools: WriteTools,
): Promise<Response | undefined> {
  const { preferences, veil, method } = context;
  const { config } = tools.schema;
  const table = isWrite(method) ? await tableOf(context, tools.schema) : undefined;
  if (!isWrite(method) || !table) return undefined;

  const columns = listOf(veil.parameters.get("columns"));
  const payload =
    method === "DELETE"
      ? undefined
      : payloadOf(request.headers.get("content-type"), body ?? "", columns);
  for (const name of payload?.names ?? [])
    if (!table.columns.has(name))
      throw refusal(400, {
        code: "PGRST204",
        message: `Could not find the '${name}' column of '${table.name}' in the schema cache`,
      });
  const filters = new URLSearchParams();
  const shown = new URLSearchParams();
  for (const [name, value] of veil.parameters) {
    if (/^(columns|on_conflict)$/.test(name)) continue;
    (isFilter(name, table) ? filters : shown).append(name, value);
  }

  const change: Mutation = { table, payload, missing: preferences.missing, method };
  if (method === "PUT") change.key = keyOf(filters, shown, table, context);
  else if (method === "POST") change.conflict = conflictOf(preferences, veil.parameters, table);
  else {
    const where = await filterOf(filters, context, tools);
    if (where instanceof Response) return where;
    if (!where && (method === "DELETE" || payload?.names.length))
      // A write to every row is refused, as by the extension safeupdate, which hosted projects load for the Data API.
      throw refusal(400, {
        code: "21000",
        message: `${method === "DELETE" ? "DELETE" : "UPDATE"} requires a WHERE clause`,
      });
    change.where = where;
  }

  const full = preferences.return === "representation";
  const done = full
    ? await withRows(shown, context, change, tools)
    : await withoutRows(context, change, tools, config);
  if (done instanceof Response) return done;
  const status = statusOf(method, preferences, done.said);
  const headers = new Headers(done.answer?.headers);
  for (const name of ["content-location", "content-length", "location"]) headers.delete(name);
  headers.delete("content-range");
  const range = rangeOf(method, preferences, done.rows);
  if (range) headers.set("content-range", range);
  if (done.location && method === "POST") headers.set("location", done.location);
  for (const [name, value] of Object.entries(appliedTo(method, context, change)))
    headers.set(name, value);
  return asSaid(new Response(done.answer?.body ?? null, { status, headers }), done.said);
}

interface Done {
  rows: number;
  said: Said;
  answer?: Response;
  location?: string | null;
}

const isWrite = (method: string): method is Mutation["method"] =>
  ["POST", "PATCH", "PUT", "DELETE"].includes(method);

const refusal = (status: number, error: Parameters<typeof apiError>[1]) =>
  new Refusal(apiError(status, error));

async function tableOf(
  context: RequestContext,
  { introspection, columnsOf }: Schema,
): Promise<Table | undefined> {
  const path = /^\/([^/]+)$/.exec(context.path)?.[1];
  if (path === undefined) return undefined;
  const [schema, name] = [context.schema, decodeURIComponent(path)];
  const relations = [...introspection.tables, ...introspection.views];
  if (!relations.some((each) => each.name === name && each.schema === schema)) return undefined;
  return {
    schema,
    name,
    columns: await columnsOf(schema, name),
    primaryKey:
      introspection.primary_keys.find((each) => each.table === name && each.schema === schema)
        ?.columns ?? [],
    computed: introspection.functions
      .filter(({ arg_types }) => arg_types.length === 1 && isRowOf(arg_types[0], schema, name))
      .map((each) => each.name),
  };
}

const isRowOf = (type = "", schema: string, name: string) =>
  [name, `${schema}.${name}`].includes(type.replaceAll('"', ""));

function listOf(text: string | null): string[] | undefined {
  if (text === null) return undefined;
  const names = text.split(",").map((name) => name.trim().replace(/^"(.*)"$/s, "$1"));
  if (names.some((name) => name === ""))
    throw refusal(400, {
      code: "PGRST100",
      message: `"failed to parse columns parameter (${text})" (line 1, column 1)`,
    });
  return [...new Set(names)];
}

/**
 * Whether a parameter filters this table. All other parameters, even filters of embedded tables, say
 * how to show the rows.
 */
function isFilter(name: string, table: Table): boolean {
  if (/^(select|order|limit|offset|apikey)$/.test(name)) return false;
  if (/^(not\.)?(and|or)$/.test(name) || table.columns.has(name)) return true;
  return name.startsWith('"') || !/^[^>]*\./.test(name);
}

async function filterOf(
  filters: URLSearchParams,
  context: RequestContext,
  tools: WriteTools,
): Promise<RawBuilder<unknown> | Response | undefined> {
  if ([...filters.keys()].length === 0) return undefined;
  let statement: OperationNode | undefined;
  const probe = (asked: OperationNode) => {
    statement ??= asked;
  };
  const answer = await tools.read(filters, { ...context, probe });
  if (!statement || !SelectQueryNode.is(statement)) return answer;
  return statement.where && sql`${new ExpressionWrapper(statement.where.where)}`;
}

function conflictOf(
  { resolution }: Preferences,
  parameters: URLSearchParams,
  { primaryKey }: Table,
): Conflict | undefined {
  const columns = listOf(parameters.get("on_conflict")) ?? primaryKey;
  return resolution && columns.length > 0 ? { columns, resolution } : undefined;
}

/** The key values in the filters of a PUT. The row in its body must have the same values. */
function keyOf(
  filters: URLSearchParams,
  shown: URLSearchParams,
  { primaryKey }: Table,
  { veil }: RequestContext,
): Map<string, string> {
  if (shown.has("limit") || shown.has("offset"))
    throw refusal(400, {
      code: "PGRST114",
      message: "limit/offset querystring parameters are not allowed for PUT",
    });
  const key = new Map<string, string>();
  for (const [name, value] of filters)
    if (value.startsWith("eq.")) key.set(name, veil.text(value.slice("eq.".length)));
  const whole = primaryKey.length > 0 && primaryKey.every((name) => key.has(name));
  if (!whole || key.size !== [...filters.keys()].length || key.size !== primaryKey.length)
    throw refusal(405, {
      code: "PGRST105",
      message: "Filters must include all and only primary key columns with 'eq' operators",
    });
  return key;
}

/** Shows the rows with lite's statement, which reads the written rows instead of the table. */
async function withRows(
  shown: URLSearchParams,
  context: RequestContext,
  change: Mutation,
  tools: WriteTools,
): Promise<Done | Response> {
  let refused: Response | undefined;
  const own: RequestContext = {
    ...context,
    rewrite: (statement) => projectionOver(statement, change, shown).compile(compiler),
    check: (rows) => {
      refused = wrongCount(change, context, rows);
      return !refused;
    },
  };
  const answer = await tools.read(shown, own);
  if (refused) return refused;
  if (own.said === undefined || own.rows === undefined || answer.status >= 400) return answer;
  return { rows: own.rows, said: own.said, answer };
}

async function withoutRows(
  context: RequestContext,
  change: Mutation,
  tools: WriteTools,
  config: Schema["config"],
): Promise<Done | Response> {
  const { preferences } = context;
  const located = preferences.return === "headers-only" && change.method === "POST";
  const key = located ? change.table.primaryKey : [];
  const statement: CompiledQuery = sql`
    with pgrst_mutated as (${mutationOf(change, key)})
    select count(*)::int as rows, (
      select coalesce(json_object_agg(key, value), '{}')
      from (select row_to_json(pgrst_mutated) as row from pgrst_mutated limit 1) as first,
        json_each_text(first.row)
    )::text as key
    from pgrst_mutated`.compile(compiler);
  const query = context.veil.reveal(statement);
  let refused: Response | undefined;
  try {
    const { result, said } = await inSession(
      tools.pool,
      openingOf(context, { readOnly: false, config }),
      async (connection) => {
        const [row] = await connection.unsafe<{ rows: number; key: string }[]>(
          query.sql,
          query.parameters as never[],
        );
        return row ?? { rows: 0, key: "{}" };
      },
      ({ rows }) => {
        refused = wrongCount(change, context, rows);
        return !refused && commits(preferences, config.txEnd);
      },
      tools.early,
    );
    if (refused) return refused;
    const { rows } = result;
    return { rows, said, location: locationOf(change.table, key, JSON.parse(result.key)) };
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    return databaseError(error, context.role !== "anon");
  }
}
