import type { Sql } from "postgres";
import type { RequestContext } from "./context.ts";
import { type Commit, type Early, plainCommit } from "./early.ts";
import type { Config } from "./schema-cache.ts";

/** Settings of a role (`alter role … set`), which PostgREST applies to each request of that role. */
export type RoleSettings = ReadonlyMap<string, ReadonlyArray<readonly [string, string]>>;

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
  const { role, claims, headers, method, path, schema } = context;
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
    ["storage.operation", ""],
    ...(options.config.roles.get(role) ?? []),
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
): Promise<T> {
  if (!early) return transaction(pool, opening, work, keep, plainCommit);
  if (opening.startsWith("begin read only"))
    return early.run(() => transaction(pool, opening, work, keep, plainCommit));
  const prepared = `${opening}; ${early.opening}`;
  return early.run((commit) => transaction(pool, prepared, work, keep, commit));
}

async function transaction<T>(
  pool: Sql,
  opening: string,
  work: (connection: Sql) => Promise<T>,
  keep: (result: T) => boolean | Promise<boolean>,
  commit: Commit,
): Promise<T> {
  const { result, settled } = await onConnection(pool, async (connection) => {
    await connection.unsafe(opening);
    const done = await work(connection);
    if (await keep(done)) return { result: done, settled: await commit(connection) };
    await connection.unsafe("rollback");
    return { result: done, settled: undefined };
  });
  await settled?.();
  return result;
}

async function onConnection<T>(pool: Sql, work: (connection: Sql) => Promise<T>): Promise<T> {
  const connection = await pool.reserve();
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

/** Whether the connection is gone, and with it the transaction. */
function isLost(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^(CONNECTION_|CONNECT_|ECONN|EPIPE|ETIMEDOUT)/.test(code);
}
