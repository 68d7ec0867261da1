/** Workflows for tests: a tenant, a caller that starts them, and a worker that works until nothing is ready. */
import type { JobHandlers, Workflow } from "@mayfly/sdk";
import { inTenant, makePerson, rpc, serviceRole } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { sqlDoor, Worker } from "#harness/jobs-door";
import { add, endLeases, letTick, makeWorker, makeWorkTenant } from "../jobs/working.ts";

export type Shown = Record<string, unknown> & {
  status: string;
  result: unknown;
  error?: { code: string; message: string };
  waits_for?: string[];
};

export async function makeStage(db: TestDatabase) {
  const { sql } = db;
  const tenant = await makeWorkTenant(sql);
  const agent = await makeWorker(sql, tenant, {
    scopes: ["job:read", "job:add", "job:work", "approval:read", "approval:request"],
  });
  const admin = await makePerson(sql, { [tenant]: "admin" });
  const call = <T = unknown>(name: string, values: Record<string, unknown> = {}, by = admin) =>
    rpc<T>(sql, by, name, values);
  return {
    tenant,
    agent,
    admin,
    call,
    start: async (
      { job: name }: Pick<Workflow, "job">,
      input: unknown = {},
      more: Record<string, unknown> = {},
    ) => {
      const [added] = await add(sql, admin, [{ name, input, ...more }]);
      return added?.id ?? "";
    },
    query: (id: string) => call<Shown>("query_workflow", { id }),
    signal: (id: string, name: string, payload: unknown = null) =>
      call("signal_job", { id, name, payload }),
    /** Works until no job is ready. */
    drain: async (handlers: JobHandlers) => {
      await letTick(db);
      const door = sqlDoor(sql, serviceRole, inTenant(tenant));
      const { data, error } = Worker.start(door, handlers, quick);
      if (error) throw error;
      const why = await data.ended;
      if (why) throw why;
      await data.stop({ timeoutMs: 0 });
    },
    /**
     * Works until no job is ready, or until a call for which `dies` returns true. At this call the worker dies,
     * and its leases end.
     *
     * @returns whether the worker died.
     */
    die: async (handlers: JobHandlers, dies: (name: string, values: object) => boolean) => {
      let settled = async () => {};
      const died = await new Promise<boolean>((resolve) => {
        const door = sqlDoor(sql, serviceRole, inTenant(tenant), (name, values) => {
          if (!dies(name, values)) return;
          setTimeout(resolve, 0, true);
          throw new Error("The process has died.");
        });
        settled = door.settled;
        const { data, error } = Worker.start(door, handlers, quick);
        if (error) throw error;
        void data.ended.then(() => resolve(false));
      });
      await settled();
      await endLeases(db, quick.lease);
      return died;
    },
  };
}

const quick = {
  untilEmpty: true,
  drainOnTermination: false,
  pollMs: 60_000,
  lease: 3_000,
};
