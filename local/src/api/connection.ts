import type { AnyAST, ConnectionContextOptions, VarsContext } from "@supabase/lite";
import { fuzzyMatch } from "@supabase/lite";
import { PostgresConnection } from "@supabase/lite/postgres";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from "kysely";
import type { PostgresError, Sql } from "postgres";
import { withSafeReserve } from "../db/safe-reserve.ts";
import { maxRows, type RequestContext, requestContext } from "./context.ts";
import type { Early } from "./early.ts";
import { apiError, databaseError, isDatabaseError } from "./errors.ts";
import { parseExactly } from "./json.ts";
import { commits } from "./preferences.ts";
import type { SchemaCache } from "./schema-cache.ts";
import { inSession, openingOf } from "./session.ts";

/** How long closing waits for running requests. */
export const closingSeconds = 1;

type AnyDatabase = Record<string, Record<string, unknown>>;

/**
 * Thrown when our own answer is already in the request's context. lite takes this error for an
 * invalid body.
 */
const answered = () => new Error("Invalid JSON body: answered already");

/**
 * lite's Postgres connection, adapted for the Data API. Each request is one transaction that begins
 * in one round trip, as in PostgREST. All requests share one view of the schema, and errors of the
 * database are answered here, not by lite. Unlike lite's own connection, it never grants anything
 * at the first request.
 */
export class DataConnection extends PostgresConnection {
  readonly #schema: SchemaCache;
  readonly #early: Early | undefined;

  constructor(url: string, schema: SchemaCache, early?: Early) {
    super({
      url,
      postgresOptions: {
        max: 3,
        onnotice: () => undefined,
        types: {
          // JSON in a filter stays text, exactly as the caller wrote it.
          json: { to: 114, from: [114], serialize: jsonText, parse: parseExactly },
          jsonb: { to: 3802, from: [3802], serialize: jsonText, parse: parseExactly },
          // A bytea stays as the caller wrote it, such as `\\x6869`. The driver would encode it
          // again, character by character.
          bytea: { to: 17, from: [17], serialize: String, parse: String },
        },
      },
    });
    withSafeReserve(this.driver);
    this.#schema = schema;
    this.#early = early;
  }

  override async close(): Promise<void> {
    await this.driver.end({ timeout: closingSeconds });
  }

  override async introspect() {
    return (await this.#schema.current()).introspection;
  }

  override async onPostgrestAST(ast: AnyAST): Promise<AnyAST> {
    const context = requestContext.getStore();
    if (!ast.from || !context) return ast;
    const { tables, views } = await this.introspect();
    const schema = ast.schema ?? context.schema;
    const relations = [...tables, ...views].filter((relation) => relation.schema === schema);
    if (relations.some(({ name }) => name === ast.from)) return ast;
    const near = fuzzyMatch(
      ast.from,
      relations.map(({ name }) => name),
    );
    context.answer = apiError(404, {
      code: "PGRST205",
      message: `Could not find the table '${schema}.${ast.from}' in the schema cache`,
      hint: near ? `Perhaps you meant the table '${schema}.${near}'` : null,
    });
    throw answered();
  }

  override async withContext<T>(
    _vars: VarsContext | undefined,
    work: (db: Kysely<AnyDatabase>) => Promise<T>,
    options?: ConnectionContextOptions,
  ): Promise<T> {
    const context = requestContext.getStore();
    if (!context) throw new Error("The Data API's connection is for requests only.");
    if (options?.transaction) return work(options.transaction as Kysely<AnyDatabase>);
    const { probe } = context;
    if (probe)
      return work(
        databaseOn(async (query) => {
          probe(query.query);
          return { rows: [] };
        }),
      );
    const { config } = await this.#schema.current();
    const readOnly = options?.rpc ? options.rpc.readOnly === true : isRead(context.method);
    try {
      const { result, said } = await inSession(
        this.driver,
        openingOf(context, { readOnly, config }),
        (connection) => work(databaseOn((query) => execute(connection, query, context))),
        async (result) =>
          commits(context.preferences, config.txEnd) &&
          (await succeeded(result)) &&
          (context.check?.(context.rows ?? 0) ?? true),
        this.#early,
      );
      context.said = said;
      return result;
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
      qualifyColumn(error, context.path);
      context.answer = databaseError(error, context.role !== "anon");
      throw answered();
    }
  }
}

/**
 * Adds the table to the name of a column in an error, as in PostgREST, because lite sends columns
 * without their table. Errors inside functions, which have a `where`, stay as they are.
 */
function qualifyColumn(error: PostgresError, path: string): void {
  const table = /^\/([^/]+)$/.exec(path)?.[1];
  if (error.code !== "42703" || error.where || !table) return;
  error.message = error.message.replace(
    /^column "([^"]+)" does not exist$/,
    (_, column) => `column ${decodeURIComponent(table)}.${column} does not exist`,
  );
}

const isRead = (method: string) => method === "GET" || method === "HEAD";

/**
 * Whether to commit. Like PostgREST, this rolls back if the answer is an error of PostgREST itself,
 * such as too many rows.
 */
async function succeeded(result: unknown): Promise<boolean> {
  if (!(result instanceof Response) || result.status < 400) return true;
  const body = await result.clone().text();
  return !body.includes('"code":"PGRST');
}

/** A value as JSON text. A string is JSON text already, and stays unchanged. */
const jsonText = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);

type Execute = (query: CompiledQuery) => Promise<QueryResult<unknown>>;

/** A Kysely that sends every query to a connection that is already in its transaction. */
function databaseOn(execute: Execute): Kysely<AnyDatabase> {
  const only: DatabaseConnection = {
    executeQuery: (query) => execute(query) as Promise<QueryResult<never>>,
    streamQuery: () => {
      throw new Error("The Data API does not stream queries.");
    },
  };
  const nothing = async () => undefined;
  const driver: Driver = {
    init: nothing,
    acquireConnection: async () => only,
    beginTransaction: nothing,
    commitTransaction: nothing,
    rollbackTransaction: nothing,
    releaseConnection: nothing,
    destroy: nothing,
  };
  return new Kysely<AnyDatabase>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => driver,
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}

/**
 * Postgres makes the JSON of rows, as for PostgREST, because the driver's own conversion shows
 * timestamps, numerics, arrays and composites differently.
 */
async function execute(
  connection: Sql,
  asked: CompiledQuery,
  context: RequestContext,
): Promise<QueryResult<unknown>> {
  const rewritten = context.rewrite?.(asked.query);
  const query = context.veil.reveal(
    context.path.startsWith("/rpc/") ? withTextForJson(asked) : (rewritten ?? asked),
  );
  const parameters = query.parameters.map((value) =>
    JSON.isRawJSON(value) ? value.rawJSON : value,
  ) as never[];
  if (asked.query.kind !== "SelectQueryNode") {
    const estimates = context.preferences.count === "estimated" && query.sql.startsWith(explaining);
    const few = estimates ? await countUpToMost(connection, query.sql, parameters) : 0;
    if (few > 0 && few <= maxRows) return { rows: [planOf(few)] };
    const rows = await connection.unsafe(query.sql, parameters);
    return { rows: Array.from(rows) };
  }
  const statement = rewritten
    ? query.sql
    : `with pgrst_source as (${query.sql}) select row_to_json(pgrst_source) as row from pgrst_source`;
  const rows = await connection.unsafe<{ row: unknown }[]>(statement, parameters);
  context.rows = rows.length;
  return { rows: rows.map(({ row }) => row) };
}

/** What lite puts before a statement to get the planner's estimate of its number of rows. */
const explaining = "EXPLAIN (FORMAT JSON) ";
const planOf = (rows: number) => ({ "QUERY PLAN": [{ Plan: { "Plan Rows": rows } }] });

/**
 * With `count=estimated`, the count is exact as long as it is at most the largest number of rows of
 * an answer.
 */
async function countUpToMost(connection: Sql, statement: string, parameters: never[]) {
  const counted = `select from (${statement.slice(explaining.length)}) as all_rows limit ${maxRows + 1}`;
  const [row] = await connection.unsafe<{ rows: number }[]>(
    `select count(*)::int as rows from (${counted}) as counted`,
    parameters,
  );
  return row?.rows ?? 0;
}

/**
 * lite passes a function's JSON arguments as text. If they were typed as JSON, the driver would
 * quote them again.
 */
function withTextForJson(query: CompiledQuery): CompiledQuery {
  return {
    ...query,
    sql: query.sql.replace(/\$(\d+)::(jsonb?)\b/g, "$$$1::text::$2"),
    parameters: query.parameters.map((value) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? JSON.stringify(value)
        : value,
    ),
  };
}
