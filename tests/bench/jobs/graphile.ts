/** graphile-worker 0.18: its statements, as its worker prepares them. */
import { openBackend } from "#harness/backend";
import { load, loadFile } from "./packages.ts";
import type { Doer } from "./queue.ts";

export interface Graphile {
  run(options: object): Promise<{ stop(): Promise<void> }>;
  makeWorkerUtils(options: object): Promise<{
    migrate(): Promise<void>;
    addJob(identifier: string, payload: unknown): Promise<unknown>;
    addJobs(jobs: { identifier: string; payload: unknown }[]): Promise<unknown>;
    release(): Promise<void>;
  }>;
  Logger: new (factory: () => () => void) => unknown;
}

interface Internals {
  batchGetJobs(...args: unknown[]): Promise<{ id: string }[]>;
  batchCompleteJobs(...args: unknown[]): Promise<void>;
}

/** Gets and completes a batch with graphile-worker's own functions, on one connection. */
export async function graphileStatements(
  url: string,
): Promise<Doer & { complete(jobs: { id: string }[]): Promise<void> }> {
  const { makeWorkerUtils, Logger } = await load<Graphile>("graphile-worker");
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ connectionString: url, logger });
  await utils.migrate();
  await utils.addJobs([{ identifier: "t", payload: {} }]);
  await utils.release();
  const { batchGetJobs } = await loadFile<Internals>("graphile-worker/dist/sql/getJobs.js");
  const { batchCompleteJobs } = await loadFile<Internals>(
    "graphile-worker/dist/sql/completeJobs.js",
  );
  const backend = await openBackend(url);
  // The part of a pg client that graphile-worker's functions need.
  const client = {
    query: async ({ text, values }: { text: string; values?: unknown[] }) => ({
      rows: await backend.query(text, values),
    }),
  };
  const withClient = Object.assign((work: (given: typeof client) => unknown) => work(client), {
    withRetries: (work: (given: typeof client) => unknown) => work(client),
  });
  const shared = {
    escapedWorkerSchema: "graphile_worker",
    workerSchema: "graphile_worker",
    resolvedPreset: { worker: { preparedStatements: true, useNodeTime: false } },
    logger: { error: console.error },
  };
  const tasks = { t: () => {} };
  return {
    backend,
    async add(count) {
      await backend.query(
        `select graphile_worker.add_jobs(array(select json_populate_record(null::graphile_worker.job_spec, '{"identifier": "t", "payload": {"n": 1}}') from generate_series(1, $1::integer)))`,
        [count],
      );
    },
    complete: (jobs) => batchCompleteJobs(shared, withClient, "bench", jobs),
    async turn(size) {
      const jobs = await batchGetJobs(shared, withClient, tasks, "bench", null, size);
      if (jobs.length > 0) await batchCompleteJobs(shared, withClient, "bench", jobs);
      return jobs.length;
    },
  };
}
