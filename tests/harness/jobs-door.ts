/** The SDK's worker beside the database: its calls over connections of its own, without the Data API. */
import { failed, MayflyError, ok } from "@mayfly/sdk/contract/errors";
import type { JobsDoor } from "@mayfly/sdk/internal";
import { type Backend, openBackend } from "./backend.ts";
import type { Claims } from "./callers.ts";

export type { JobHandler } from "@mayfly/sdk";
export { Worker } from "@mayfly/sdk/internal";

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
      // One that is closed before it listens hears nothing, and that is well.
      ear.listen("mayfly_jobs", listener).catch(() => {});
      return () => ear.close();
    },
    cpu: () => backends.reduce((sum, backend) => sum + backend.cpu(), 0),
    close: async () => void (await Promise.all(backends.map((backend) => backend.close()))),
  };
}

function refusalOf(error: unknown): MayflyError {
  const { code, message } = error as { code?: string; message: string };
  const said =
    code === "PGRST"
      ? (JSON.parse(message) as { code: string; message: string })
      : { code: "unavailable", message };
  return new MayflyError({ ...said, hint: null, details: null } as never);
}
