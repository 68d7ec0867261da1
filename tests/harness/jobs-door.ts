/** The SDK's worker next to the database: it calls over its own connections, without the Data API. */
import { failed, MayflyError, ok } from "@mayfly/sdk/contract/errors";
import type { JobsDoor } from "@mayfly/sdk/internal";
import { type Backend, openBackend } from "./backend.ts";
import { type Claims, rpc, type Sql } from "./callers.ts";

export type { JobHandler } from "@mayfly/sdk";
export { startJob, Worker } from "@mayfly/sdk/internal";

/**
 * How many calls a worker can make at once: one that ends and claims jobs, and those of its running jobs.
 */
const connections = 3;

export interface DirectDoor extends JobsDoor {
  close(): Promise<void>;
  cpu(): number;
  /** How often each function was called, by its name. */
  calls: Record<string, number>;
}

export async function directDoor(url: string, claims: Claims): Promise<DirectDoor> {
  const backends: Backend[] = [];
  for (let n = 0; n < connections; n++) {
    const backend = await openBackend(url, claims);
    // As with the Postgres transport, NOTIFY wakes the worker.
    await backend.query("select set_config('mayfly.notified', 'on', false)");
    backends.push(backend);
  }
  const ear = await openBackend(url);
  const calls: Record<string, number> = {};
  // As in the pool of the Postgres transport, the connection that was used last is used first.
  const idle = [...backends];
  let next = 0;
  return {
    calls,
    sends: true,
    async call(name, values, form) {
      calls[name] = (calls[name] ?? 0) + 1;
      const keys = Object.keys(values);
      const named = keys.map((key, index) => `${key} => $${index + 1}`).join(", ");
      const free = idle.pop();
      const backend = free ?? (backends[next++ % connections] as Backend);
      try {
        const [row] = await backend.query(
          `select mayfly.${name}(${named}) as answer`,
          Object.values(values),
        );
        return ok(form.parse(row?.answer));
      } catch (error) {
        return failed(refusalOf(error));
      } finally {
        if (free) idle.push(free);
      }
    },
    onWake(listener) {
      const { tenant } = claims.mayfly as { tenant: string };
      // As with the Postgres transport, the database notifies a tenant's listeners only while they hold a
      // lease.
      const lease = () =>
        ear.query("select mayfly_private.listen_by_postgres($1::uuid[])", [[tenant]]);
      const renewal = setInterval(() => void lease().catch(() => {}), 30_000);
      // If the connection is closed before it listens, the worker is not woken. No test depends on that.
      ear
        .listen(`mayfly:${tenant}`, (text) => {
          const { event, payload } = JSON.parse(text);
          if (event === "job_ready") listener();
          else if (event === "job_sent") listener(payload);
        })
        .then(lease)
        .catch(() => {});
      return () => {
        clearInterval(renewal);
        return ear.close();
      };
    },
    cpu: () => backends.reduce((sum, backend) => sum + backend.cpu(), 0),
    close: async () => void (await Promise.all(backends.map((backend) => backend.close()))),
  };
}

function refusalOf(error: unknown): MayflyError {
  const { code, message } = error as { code?: string; message: string };
  const said =
    code === "PGRST" ? withDetails(JSON.parse(message)) : { code: "unavailable", message };
  return new MayflyError({ hint: null, details: null, ...said } as never);
}

const withDetails = ({ details, ...said }: { details: string | null; message: string }) => ({
  ...said,
  details: details ? JSON.parse(details) : null,
});

/**
 * The SDK's worker on a test database. Every call is one transaction with these claims. `before` may throw, which
 * ends the process from the worker's point of view: no later call arrives. `settled` waits for the calls that
 * were sent before.
 */
export function sqlDoor(
  sql: Sql,
  claims: Claims,
  headers: Record<string, string> = {},
  before: (name: string, values: object) => void = () => {},
): JobsDoor & { settled: () => Promise<void> } {
  let isDead = false;
  const sent = new Set<Promise<unknown>>();
  return {
    settled: async () => void (await Promise.allSettled(sent)),
    async call(name, values, form) {
      if (isDead) return new Promise(() => {});
      try {
        before(name, values);
      } catch {
        isDead = true;
        return new Promise(() => {});
      }
      const call = rpc(sql, claims, name, { ...values }, headers);
      sent.add(call);
      try {
        return ok(form.parse(await call));
      } catch (error) {
        return failed(refusalOf(error));
      } finally {
        sent.delete(call);
      }
    },
    onWake: () => async () => {},
  };
}
