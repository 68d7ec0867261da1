import type { Sql } from "postgres";
import { undo } from "../db/safe-reserve.ts";
import type { RequestContext, Said } from "./context.ts";
import { type Commit, type Early, plainCommit } from "./early.ts";
import { apiError } from "./errors.ts";
import type { Config } from "./schema-cache.ts";

/** The extra search path of all requests, like `extra_search_path` in `supabase/config.toml`. */
const extraSearchPath = ["public", "extensions"];

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
const identifier = (text: string) => `"${text.replaceAll('"', '""')}"`;

/**
 * Opens the transaction of a request: sets its settings, then calls, as the caller's role, the
 * project's function that every request calls first (`pgrst.db_pre_request`). All of this is one
 * message of the simple protocol, so one round trip. On PGlite, a separate statement for each
 * setting would cost 0.5 ms per statement. Values are literals, because the simple protocol has no
 * parameters. Backslashes are plain under standard_conforming_strings, the default since 9.1.
 */
export function openingOf(
  context: RequestContext,
  options: { readOnly: boolean; config: Config },
): string {
  const { role, claims, headers, method, path, schema, preferences } = context;
  const searchPath = [schema, ...extraSearchPath].map(identifier).join(", ");
  const settings: Array<readonly [string, string]> = [
    ["search_path", searchPath],
    ["role", role],
    ["request.jwt.claims", JSON.stringify(claims)],
    ["request.method", method],
    ["request.path", path],
    ["request.headers", JSON.stringify(headers)],
    ["request.cookies", JSON.stringify(cookiesOf(headers.cookie))],
    ["response.status", ""],
    ["response.headers", ""],
    ["pgrst.inserted", ""],
    ["storage.operation", ""],
    ...(options.config.roles.get(role) ?? []),
    ...(preferences.timezone === undefined ? [] : [["timezone", preferences.timezone] as const]),
  ];
  const calls = settings.map(
    ([name, value]) => `set_config(${quote(name)}, ${quote(value)}, true)`,
  );
  const access = options.readOnly ? "read only" : "read write";
  const { preRequest } = options.config;
  const first = preRequest === null ? "" : `; select ${qualified(preRequest)}()`;
  return `begin ${access}; select ${calls.join(", ")}${first}`;
}

/** Quotes `schema.name`. As in PostgREST, the first dot ends the schema, and the name has no quotes itself. */
function qualified(name: string): string {
  const at = name.indexOf(".");
  if (at < 0) return identifier(name);
  return `${identifier(name.slice(0, at))}.${identifier(name.slice(at + 1))}`;
}

function cookiesOf(header = ""): Record<string, string> {
  const pairs = header.split(";").map((pair) => pair.trim().split("="));
  return Object.fromEntries(
    pairs.flatMap(([name, ...value]) => (name ? [[name, value.join("=")]] : [])),
  );
}

const saying = `select ${["response.status", "response.headers", "pgrst.inserted"]
  .map((name) => `nullif(current_setting('${name}', true), '') as ${name.split(".")[1]}`)
  .join(", ")}`;

/**
 * Runs `work` with the request's role and claims, in one transaction on one connection. The
 * connection has the role only after the opening has succeeded, so nothing is sent before that.
 * @param pool connections that were made with `withSafeReserve`.
 * @param keep whether to commit. If not, the transaction is rolled back, but the result is still
 * returned.
 * @param early sends the transaction's broadcasts before its commit, and may run `work` again.
 */
export async function inSession<T>(
  pool: Sql,
  opening: string,
  work: (connection: Sql) => Promise<T>,
  keep: (result: T) => boolean | Promise<boolean>,
  early?: Early,
): Promise<Done<T>> {
  if (!early) return transaction(pool, opening, work, keep, plainCommit);
  if (opening.startsWith("begin read only"))
    return early.run(() => transaction(pool, opening, work, keep, plainCommit));
  const prepared = `${opening}; ${early.opening}`;
  return early.run((commit) => transaction(pool, prepared, work, keep, commit));
}

interface Done<T> {
  result: T;
  said: Said;
}

async function transaction<T>(
  pool: Sql,
  opening: string,
  work: (connection: Sql) => Promise<T>,
  keep: (result: T) => boolean | Promise<boolean>,
  commit: Commit,
): Promise<Done<T>> {
  const { done, settled } = await onConnection(pool, async (connection) => {
    await connection.unsafe(opening);
    const result = await work(connection);
    const kept = await keep(result);
    // If nothing else follows, the end of the transaction goes in the same message.
    const end = kept ? (commit === plainCommit ? "; commit" : "") : "; rollback";
    const [said] = await connection.unsafe<Said[]>(saying + end);
    if (!said) throw new Error("The end of a transaction said nothing.");
    return { done: { result, said }, settled: end === "" ? await commit(connection) : undefined };
  });
  await settled?.();
  return done;
}

async function onConnection<T>(pool: Sql, work: (connection: Sql) => Promise<T>): Promise<T> {
  const connection = await pool.reserve();
  try {
    return await work(connection);
  } catch (error) {
    await undo(connection);
    throw error;
  } finally {
    connection.release();
  }
}

/**
 * The answer with the status and the headers that the database set. As in PostgREST, they are read
 * after the commit.
 */
export async function asSaid(response: Response, said: Said): Promise<Response> {
  if (said.status === null && said.headers === null) return response;
  const status = said.status === null ? response.status : Number(said.status);
  if (!Number.isInteger(status) || status < 200 || status > 599)
    return apiError(500, {
      code: "PGRST112",
      message: "response.status guc must be a valid status code",
    });
  const headers = new Headers(response.headers);
  try {
    for (const [name, value] of ownHeaders(said.headers)) headers.set(name, value);
  } catch {
    return apiError(500, {
      code: "PGRST111",
      message:
        "response.headers guc must be a JSON array composed of objects with a single key and a string value",
    });
  }
  const body = [204, 205, 304].includes(status) ? null : await response.arrayBuffer();
  return new Response(body?.byteLength ? body : null, { status, headers });
}

function ownHeaders(text: string | null): Array<[string, string]> {
  const list: unknown = JSON.parse(text ?? "[]");
  if (!Array.isArray(list)) throw new TypeError("not an array");
  return list.map((entry: unknown) => {
    const [pair, ...more] = Object.entries(entry as Record<string, unknown>);
    if (!pair || more.length > 0 || typeof pair[1] !== "string") throw new TypeError("not a pair");
    return [pair[0], pair[1]];
  });
}
