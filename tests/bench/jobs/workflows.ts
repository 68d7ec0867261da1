/** Workflow engines on Postgres: absurd 0.5, DBOS 5.3 and openworkflow 0.10. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { emptyDatabase, load } from "./packages.ts";
import type { Handle, Input, Queue } from "./queue.ts";

const quiet = { log() {}, info() {}, warn() {}, debug() {}, error: console.error };

interface Absurd {
  createQueue(name: string): Promise<void>;
  registerTask(options: { name: string }, work: (input: Input) => Promise<void>): void;
  startWorker(options: object): Promise<{ close(): Promise<void> }>;
  spawn(name: string, input: Input): Promise<unknown>;
}

export async function openAbsurd(): Promise<Queue> {
  const { Absurd } = await load<{ Absurd: new (options: object) => Absurd }>("absurd-sdk");
  const { Pool } = (await load<{ default: { Pool: new (options: object) => Ending } }>("pg"))
    .default;
  const database = await emptyDatabase("absurd");
  const schema = postgres(database.url, { max: 1, onnotice: () => {} });
  await schema.unsafe(
    readFileSync(join(import.meta.dirname, "opponents/absurd/absurd.sql"), "utf8"),
  );
  await schema.end();
  const pool = new Pool({ connectionString: database.url, max: 24 });
  pool.on("error", () => {});
  let handle: Handle = () => {};
  const open = () => {
    const app = new Absurd({ db: pool, queueName: "t", log: quiet });
    app.registerTask({ name: "t" }, async (input) => handle(input, {}));
    return app;
  };
  const own = open();
  await own.createQueue("t");
  return {
    name: "absurd",
    ways: ["default"],
    async start(workers, concurrency, given) {
      handle = given;
      const started = await Promise.all(
        Array.from({ length: workers }, () => open().startWorker({ concurrency })),
      );
      return async () => void (await Promise.all(started.map((worker) => worker.close())));
    },
    addMany: async (inputs) => void (await Promise.all(inputs.map((one) => own.spawn("t", one)))),
    addOne: async (input) => void (await own.spawn("t", input)),
    async close() {
      await pool.end();
      await database.drop();
    },
  };
}

interface Ending {
  end(): Promise<void>;
  on(event: "error", listener: () => void): void;
}

interface OpenWorkflow {
  defineWorkflow(
    options: { name: string },
    work: (given: { input: Input }) => Promise<void>,
  ): { run(input: Input): Promise<unknown> };
  newWorker(options: object): { start(): Promise<void>; stop(): Promise<void> };
}

export async function openOpenWorkflow(): Promise<Queue> {
  const { OpenWorkflow } = await load<{ OpenWorkflow: new (options: object) => OpenWorkflow }>(
    "openworkflow",
  );
  const { BackendPostgres } = await load<{
    BackendPostgres: { connect(url: string): Promise<{ stop(): Promise<void> }> };
  }>("openworkflow/postgres");
  const database = await emptyDatabase("openworkflow");
  const backend = await BackendPostgres.connect(database.url);
  const own = new OpenWorkflow({ backend });
  let handle: Handle = () => {};
  const workflow = own.defineWorkflow({ name: "t" }, async ({ input }) => handle(input, {}));
  return {
    name: "openworkflow",
    ways: ["default"],
    async start(workers, concurrency, given) {
      handle = given;
      const started = Array.from({ length: workers }, () => own.newWorker({ concurrency }));
      for (const worker of started) await worker.start();
      return async () => void (await Promise.all(started.map((worker) => worker.stop())));
    },
    addMany: async (inputs) => void (await Promise.all(inputs.map((one) => workflow.run(one)))),
    addOne: async (input) => void (await workflow.run(input)),
    async close() {
      await backend.stop();
      await database.drop();
    },
  };
}

interface Dbos {
  setConfig(config: object): void;
  registerWorkflow(work: (input: Input) => Promise<void>, options: object): unknown;
  registerQueue(name: string, options: object): Promise<unknown>;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
}
interface DbosClient {
  enqueue(options: object, input: Input): Promise<unknown>;
  destroy(): Promise<void>;
}

/**
 * DBOS has one worker in each process. Several workers would need several processes, so they are not
 * measured.
 */
export async function openDbos(): Promise<Queue> {
  const { DBOS, DBOSClient } = await load<{
    DBOS: Dbos;
    DBOSClient: { create(options: object): Promise<DbosClient> };
  }>("@dbos-inc/dbos-sdk");
  const database = await emptyDatabase("dbos");
  let handle: Handle = () => {};
  DBOS.registerWorkflow(async (input) => handle(input, {}), { name: "t" });
  const config = { name: "bench", systemDatabaseUrl: database.url, systemDatabasePoolSize: 24 };
  const launch = async () => {
    DBOS.setConfig({ ...config, logger: quiet, runAdminServer: false, logLevel: "error" });
    await DBOS.launch();
  };
  await launch();
  await DBOS.registerQueue("q", { minPollingIntervalMs: 50, onConflict: "always_update" });
  await DBOS.shutdown();
  const client = await DBOSClient.create({ systemDatabaseUrl: database.url, logger: quiet });
  const add = (input: Input) => client.enqueue({ workflowName: "t", queueName: "q" }, input);
  return {
    name: "dbos",
    ways: ["default"],
    most: 1,
    async start(_workers, _concurrency, given) {
      handle = given;
      await launch();
      return () => DBOS.shutdown();
    },
    async settle() {
      const look = postgres(database.url, { max: 1 });
      const left = async () => {
        const [row] =
          await look`select exists (select from dbos.workflow_status where status in ('PENDING', 'ENQUEUED')) as any`;
        return row?.any as boolean;
      };
      while (await left()) await new Promise((resolve) => setTimeout(resolve, 5));
      await look.end();
    },
    addMany: async (inputs) => void (await Promise.all(inputs.map(add))),
    addOne: async (input) => void (await add(input)),
    async close() {
      await client.destroy();
      // DBOS closes its pools later than these calls return. Without the database, that would cause errors.
      await new Promise((resolve) => setTimeout(resolve, 500));
      await database.drop();
    },
  };
}
