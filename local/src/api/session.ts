import type { ReservedSql, Sql } from "postgres";
import type { RequestContext, Said } from "./context.ts";
import { type Commit, type Early, plainCommit } from "./early.ts";
import { apiError } from "./errors.ts";
import type { Config } from "./schema-cache.ts";

/** Of every schema's requests: as `extra_search_path` in `supabase/config.toml`. */
const extraSearchPath = ["public", "extensions"];

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
const identifier = (text: string) => `"${text.replaceAll('"', '""')}"`;

/**
 * Opens the transaction of a request: its settings, then the project's own function that every request
 * calls first (`pgrst.db_pre_request`), as the caller's role. One message of the simple protocol (one round trip; an own
 * statement for each setting costs 0.5 ms a piece on PGlite). Literals, because that protocol has
 * no parameters; backslashes are plain under standard_conforming_strings, the default since 9.1.
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

/** The first dot ends the schema, as in PostgREST, which takes no quotes either. */
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
 * Runs `work` as the request's role and claims, in one transaction on one connection. The
 * connection is the role's only after the opening has succeeded, so nothing is sent before that.
 * @param keep whether the result is to be committed; otherwise it is rolled back and still given.
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
    // What ends it goes in the same message, where that is all.
    const end = kept ? (commit === plainCommit ? "; commit" : "") : "; rollback";
    const [said] = await connection.unsafe<Said[]>(saying + end);
    if (!said) throw new Error("The end of a transaction said nothing.");
    return { done: { result, said }, settled: end === "" ? await commit(connection) : undefined };
  });
  await settled?.();
  return done;
}

/** How long to wait for a connection before another is asked for. */
const askAgainMs = 1_000;

/**
 * A connection of the pool. The driver (3.4.9) forgets who waits for one when another connection ends: then it would
 * never come, and its request never be answered. So one more is asked for, and what comes first is taken.
 */
async function reserve(pool: Sql): Promise<ReservedSql> {
  const asked: Promise<ReservedSql>[] = [];
  for (;;) {
    const another = pool.reserve();
    another.catch(() => {});
    asked.push(another);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), askAgainMs);
    });
    const first = await Promise.race([...asked, late]).finally(() => clearTimeout(timer));
    if (!first) continue;
    for (const one of asked)
      void one.then((other) => other !== first && other.release()).catch(() => {});
    return first;
  }
}

async function onConnection<T>(pool: Sql, work: (connection: Sql) => Promise<T>): Promise<T> {
  const connection = await reserve(pool);
  let lost = false;
  try {
    return await work(connection);
  } catch (error) {
    lost = isLost(error);
    if (!lost)
      await connection.unsafe("rollback").catch((problem: unknown) => {
        lost = isLost(problem);
      });
    throw error;
  } finally {
    // One that is gone is out of the pool already. The driver (3.4.9) takes it back all the same, and
    // throws where nobody can catch it when it is written to: that would end this process.
    if (!lost) connection.release();
  }
}

/**
 * The answer with the status and the headers that the database gave it. As in PostgREST, they are
 * read after the commit.
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

/** Whether the connection is gone, and with it the transaction. */
function isLost(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(CONNECTION_|CONNECT_|ECONN|EPIPE|ETIMEDOUT)/.test(code);
}
