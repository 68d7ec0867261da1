/** The SDK's worker beside the database: its calls over connections of its own, without the Data API. */
import { failed, MayflyError, ok } from "../../sdk/src/contract/errors.ts";
import type { JobsDoor } from "../../sdk/src/jobs/door.ts";
import { type Backend, openBackend } from "./backend.ts";
import { type Claims, rpc, type Sql } from "./callers.ts";

export { type JobHandler, startJob } from "../../sdk/src/jobs/local-job.ts";
export { Worker } from "../../sdk/src/jobs/worker.ts";

/** How many calls a worker has under way at once: a turn, and what its jobs record. */
const connections = 3;

export interface DirectDoor extends JobsDoor {
  close(): Promise<void>;
  cpu(): number;
  /** Calls, by their names. */
  calls: Record<string, number>;
}

export async function directDoor(url: string, claims: Claims): Promise<DirectDoor> {
  const backends: Backend[] = [];
  for (let n = 0; n < connections; n++) backends.push(await openBackend(url, claims));
  const ear = await openBackend(url);
  const calls: Record<string, number> = {};
  let next = 0;
  return {
    calls,
    async call(name, values, form) {
      calls[name] = (calls[name] ?? 0) + 1;
      const keys = Object.keys(values);
      const named = keys.map((key, index) => `${key} => $${index + 1}`).join(", ");
      const backend = backends[next++ % connections] as Backend;
      try {
        const [row] = await backend.query(
          `select mayfly.${name}(${named}) as answer`,
          Object.values(values),
        );
        return ok(form.parse(row?.answer));
      } catch (error) {
        return failed(refusalOf(error));
      }
    },
    onWake(listener) {
      void ear.listen("mayfly_jobs", listener);
      return () => ear.close();
    },
    cpu: () => backends.reduce((sum, backend) => sum + backend.cpu(), 0),
    close: async () => void (await Promise.all(backends.map((backend) => backend.close()))),
  };
}

/** A worker's calls as SQL, each a transaction of its own: on PGlite as well. Nobody wakes it. */
export const sqlDoor = (sql: Sql, claims: Claims): JobsDoor => ({
  async call(name, values, form) {
    try {
      return ok(form.parse(await rpc(sql, claims, name, values as Record<string, unknown>)));
    } catch (error) {
      return failed(refusalOf(error));
    }
  },
  onWake: () => async () => {},
});

function refusalOf(error: unknown): MayflyError {
  const { code, message } = error as { code?: string; message: string };
  if (code !== "PGRST")
    return new MayflyError({ code: "unavailable", message, hint: null, details: null });
  const { details, ...said } = JSON.parse(message) as { message: string; details: string | null };
  return new MayflyError({ ...said, details: details && JSON.parse(details) } as never);
}
