/** One connection to Postgres, and the CPU time that its calls take on the server. */
import { readFileSync } from "node:fs";
import postgres from "postgres";
import type { Claims } from "./callers.ts";

/** A connection that sends prepared statements, as pools of drivers do. */
export interface Backend {
  query<Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>;
  /** The CPU time of the server's process in microseconds. NaN if it does not run on this machine. */
  cpu(): number;
  listen(topic: string, listener: (payload: string) => void): Promise<void>;
  close(): Promise<void>;
}

export async function openBackend(url: string, as?: Claims): Promise<Backend> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const [{ pid } = { pid: 0 }] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  if (as) {
    await sql`select set_config('request.jwt.claims', ${JSON.stringify(as)}, false)`;
    await sql.unsafe(`set role ${String(as.role)}`);
  }
  return {
    query: <Row>(text: string, values: unknown[] = []) =>
      sql.unsafe(text, values as never[], { prepare: true }) as unknown as Promise<Row[]>,
    cpu() {
      try {
        return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1_000;
      } catch {
        return Number.NaN;
      }
    },
    listen: async (topic, listener) => void (await sql.listen(topic, listener)),
    close: () => sql.end(),
  };
}
