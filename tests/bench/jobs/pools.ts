/** Job queues: graphile-worker 0.18 and pg-boss 12. */
import type { Graphile } from "./graphile.ts";
import { emptyDatabase, load } from "./packages.ts";
import type { Input, Queue } from "./queue.ts";

export async function openGraphile(): Promise<Queue> {
  const { makeWorkerUtils, run, Logger } = await load<Graphile>("graphile-worker");
  const database = await emptyDatabase("graphile");
  const logger = new Logger(() => () => {});
  const options = { connectionString: database.url, logger };
  const utils = await makeWorkerUtils(options);
  await utils.migrate();
  return {
    name: "graphile-worker",
    ways: ["default", "tuned"],
    async start(workers, concurrency, handle, way) {
      const runners: { stop(): Promise<void> }[] = [];
      const preset = { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0 } };
      for (let n = 0; n < workers; n++)
        runners.push(
          await run({
            ...options,
            concurrency,
            maxPoolSize: Math.max(4, workers > 1 ? 5 : concurrency),
            pollInterval: 2_000,
            noHandleSignals: true,
            ...(way === "tuned" && { preset }),
            taskList: { t: async (input: Input) => handle(input, {}) },
          }),
        );
      return async () => void (await Promise.all(runners.map((runner) => runner.stop())));
    },
    addMany: async (inputs) =>
      void (await utils.addJobs(inputs.map((payload) => ({ identifier: "t", payload })))),
    addOne: async (input) => void (await utils.addJob("t", input)),
    async close() {
      await utils.release();
      // graphile-worker closes its pools after `stop` has returned. Without the database, that would cause
      // errors.
      await new Promise((resolve) => setTimeout(resolve, 200));
      await database.drop();
    },
  };
}

interface Boss {
  on(event: "error", listener: (error: Error) => void): void;
  start(): Promise<unknown>;
  stop(options: { graceful: boolean }): Promise<void>;
  createQueue(name: string, options: object): Promise<void>;
  work(
    name: string,
    options: object,
    handle: (jobs: { data: Input }[]) => Promise<void>,
  ): Promise<string>;
  offWork(name: string): Promise<void>;
  insert(name: string, jobs: { data: Input }[]): Promise<unknown>;
  send(name: string, data: Input): Promise<unknown>;
}

export async function openBoss(): Promise<Queue> {
  const { PgBoss } = await load<{ PgBoss: new (options: object) => Boss }>("pg-boss");
  const database = await emptyDatabase("boss");
  const open = async () => {
    const boss = new PgBoss({
      connectionString: database.url,
      useListenNotify: true,
      schedule: false,
      max: 12,
    });
    boss.on("error", (error) => console.error("pg-boss:", error.message));
    await boss.start();
    return boss;
  };
  const own = await open();
  await own.createQueue("t", { notify: true });
  return {
    name: "pg-boss",
    // By default, pg-boss takes one job at each poll, which makes 50 to 80 jobs a second. To measure that
    // takes too long.
    ways: ["tuned"],
    async start(workers, concurrency, handle) {
      const bosses: Boss[] = [];
      for (let n = 0; n < workers; n++) {
        const boss = await open();
        bosses.push(boss);
        const options = {
          batchSize: Math.max(100, concurrency),
          burstWhenBatchFull: true,
          pollingIntervalSeconds: 0.5,
          notifyPollingIntervalSeconds: 0.5,
          includeMetadata: false,
        };
        await boss.work("t", options, async (jobs) => {
          for (const { data } of jobs) await handle(data, {});
        });
      }
      return async () => {
        for (const boss of bosses) {
          await boss.offWork("t");
          await boss.stop({ graceful: false });
        }
      };
    },
    addMany: async (inputs) =>
      void (await own.insert(
        "t",
        inputs.map((data) => ({ data })),
      )),
    addOne: async (input) => void (await own.send("t", input)),
    async close() {
      await own.stop({ graceful: false });
      await database.drop();
    },
  };
}
