import postgres from "postgres";
import { type Database, type PostgresOptions, passwordOf, type User } from "./database.ts";

const MAJOR = 17;

/** The error never repeats the text of the URL, because it may contain a password. */
function urlOf(text: string): URL {
  try {
    const url = new URL(text);
    decodeURIComponent(url.username + url.password);
    if (/^postgres(ql)?:$/.test(url.protocol)) return url;
  } catch {
    // Reported below.
  }
  throw new Error(
    "The database URL is not valid. It must look like postgresql://user:password@host:5432/database, with special characters percent-encoded.",
  );
}

/** A real Postgres by URL (`--db-url`), in place of the embedded database. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const base = urlOf(options.url);
  const sql = postgres(options.url, { max: 1, onnotice: () => undefined, connect_timeout: 10 });
  let version: string;
  try {
    const [found] = await sql<{ version: string; vector: boolean }[]>`
      select current_setting('server_version') as version,
        exists (select from pg_available_extensions where name = 'vector') as vector`;
    version = found?.version.split(" ")[0] ?? "";
    if (!found?.vector) throw new Error("pgvector is not installed.");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`The database at ${base.host} cannot be used: ${why}`, { cause: error });
  } finally {
    await sql.end({ timeout: 1 });
  }
  if (Number.parseInt(version, 10) < MAJOR) {
    options.log.warn("Supabase runs Postgres 17, but this one is older.", { version });
  }
  const url = (user: User): string => {
    const own = new URL(base);
    if (user !== decodeURIComponent(base.username)) {
      own.username = user;
      own.password = encodeURIComponent(passwordOf(options.passwords, user));
    }
    return own.href;
  };
  return {
    kind: "postgres",
    version,
    port: Number(base.port || 5432),
    url,
    dumpDataDir: () => Promise.reject(new Error("Only the embedded database can be dumped.")),
    close: () => Promise.resolve(),
  };
}
