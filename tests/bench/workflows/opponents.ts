/**
 * absurd 0.5, DBOS 5.3 and openworkflow 0.10, each with one worker, and with the settings in the first
 * example of its documentation.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { emptyDatabase, load } from "../jobs/packages.ts";
import { concurrency, type Engine, type Program, type RunInput } from "./engine.ts";

const quiet = { log() {}, info() {}, warn() {}, debug() {}, error: console.error };
const sumOf = (numbers: unknown[]) => numbers.reduce((sum: number, n) => sum + Number(n), 0);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

interface AbsurdCtx {
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  awaitEvent(name: string): Promise<unknown>;
  awaitTaskResult(id: string, options: object): Promise<{ result?: unknown }>;
}
interface Absurd {
  createQueue(name: string): Promise<void>;
  registerTask(options: object, work: (input: never, ctx: AbsurdCtx) => Promise<unknown>): void;
  startWorker(options: object): Promise<{ close(): Promise<void> }>;
  spawn(name: string, input: unknown, options?: object): Promise<{ taskID: string }>;
  emitEvent(name: string, payload: object): Promise<void>;
}

/**
 * In absurd, children have their own queue. Otherwise parents that wait for them could occupy the only
 * worker.
 */
export async function openAbsurd(programs: Record<string, Program>): Promise<Engine> {
  const { Absurd } = await load<{ Absurd: new (options: object) => Absurd }>("absurd-sdk");
  const { Pool } = (
    await load<{
      default: {
        Pool: new (
          options: object,
        ) => { end(): Promise<void>; on(event: string, then: () => void): void };
      };
    }>("pg")
  ).default;
  const database = await emptyDatabase("absurd_flows");
  const schema = postgres(database.url, { max: 1, onnotice: () => {} });
  const file = join(import.meta.dirname, "../jobs/opponents/absurd/absurd.sql");
  await schema.unsafe(readFileSync(file, "utf8"));
  await schema.end();
  const pool = new Pool({ connectionString: database.url, max: 24 });
  pool.on("error", () => {});
  const app = new Absurd({ db: pool, queueName: "runs", log: quiet });
  const kids = new Absurd({ db: pool, queueName: "children", log: quiet });
  await app.createQueue("runs");
  await app.createQueue("children");
  kids.registerTask({ name: "number" }, async ({ n }: { n: number }) => n);
  app.registerTask({ name: "bench" }, async (input: RunInput, ctx) => {
    await programs[input.kind]?.(input, {
      step: (name, work) => ctx.step(name, async () => work() ?? null),
      wait: () => ctx.awaitEvent(`go ${input.id}`),
      children: async (count) => {
        const ids = await ctx.step("spawn", () =>
          Promise.all(
            upTo(count).map(
              async (n) => (await kids.spawn("number", { n }, { queue: "children" })).taskID,
            ),
          ),
        );
        const ends = await Promise.all(
          ids.map((id) => ctx.awaitTaskResult(id, { queue: "children", stepName: `end ${id}` })),
        );
        return sumOf(ends.map(({ result }) => result));
      },
    });
  });
  const workers = [await app.startWorker({ concurrency }), await kids.startWorker({ concurrency })];
  return {
    name: "absurd",
    start: async (input) => void (await app.spawn("bench", input)),
    signal: (id) => app.emitEvent(`go ${id}`, {}),
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
      await pool.end();
      await database.drop();
    },
  };
}

interface StepApi {
  run(options: object, work: () => Promise<unknown>): Promise<unknown>;
  runWorkflow(spec: unknown, input: unknown, options?: object): Promise<unknown>;
  waitForSignal(options: object): Promise<unknown>;
}
interface OpenWorkflow {
  defineWorkflow<In>(
    options: { name: string },
    work: (given: { input: In; step: StepApi }) => Promise<unknown>,
  ): { spec: unknown; run(input: In): Promise<unknown> };
  sendSignal(options: object): Promise<unknown>;
  newWorker(options: object): { start(): Promise<void>; stop(): Promise<void> };
}

export async function openOpenWorkflow(programs: Record<string, Program>): Promise<Engine> {
  const { OpenWorkflow } = await load<{ OpenWorkflow: new (options: object) => OpenWorkflow }>(
    "openworkflow",
  );
  const { BackendPostgres } = await load<{
    BackendPostgres: { connect(url: string): Promise<{ stop(): Promise<void> }> };
  }>("openworkflow/postgres");
  const database = await emptyDatabase("openworkflow_flows");
  const backend = await BackendPostgres.connect(database.url);
  const own = new OpenWorkflow({ backend });
  const number = own.defineWorkflow<{ n: number }>(
    { name: "number" },
    async ({ input }) => input.n,
  );
  const bench = own.defineWorkflow<RunInput>({ name: "bench" }, async ({ input, step }) => {
    await programs[input.kind]?.(input, {
      step: (name, work) => step.run({ name }, async () => work() ?? null),
      wait: () => step.waitForSignal({ name: "go", signal: `go ${input.id}` }),
      children: async (count) =>
        sumOf(
          await Promise.all(
            upTo(count).map((n) => step.runWorkflow(number.spec, { n }, { name: `child ${n}` })),
          ),
        ),
    });
  });
  const worker = own.newWorker({ concurrency });
  await worker.start();
  return {
    name: "openworkflow",
    start: async (input) => void (await bench.run(input)),
    signal: async (id) => void (await own.sendSignal({ signal: `go ${id}`, data: {} })),
    async close() {
      await worker.stop();
      await backend.stop();
      await database.drop();
    },
  };
}

type Work<In, Out> = (input: In) => Promise<Out>;
interface Dbos {
  setConfig(config: object): void;
  registerWorkflow<In, Out>(work: Work<In, Out>, options: object): Work<In, Out>;
  registerQueue(name: string, options: object): Promise<unknown>;
  startWorkflow<In, Out>(
    work: Work<In, Out>,
    options: object,
  ): (input: In) => Promise<{ getResult(): Promise<Out> }>;
  runStep(work: () => Promise<unknown>, options: object): Promise<unknown>;
  recv(topic: string, seconds: number): Promise<unknown>;
  send(id: string, message: unknown, topic: string): Promise<void>;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
}

/**
 * DBOS executes a run in the process that starts it. So the polling of its queue has no part in the figures
 * for signals and steps.
 */
export async function openDbos(programs: Record<string, Program>): Promise<Engine> {
  const { DBOS } = await load<{ DBOS: Dbos }>("@dbos-inc/dbos-sdk");
  const database = await emptyDatabase("dbos_flows");
  const number = DBOS.registerWorkflow(async ({ n }: { n: number }) => n, { name: "number" });
  const bench = DBOS.registerWorkflow(
    async (input: RunInput) => {
      await programs[input.kind]?.(input, {
        step: (name, work) => DBOS.runStep(async () => work() ?? null, { name }),
        wait: () => DBOS.recv("go", 600),
        children: async (count) => {
          const handles = await Promise.all(
            upTo(count).map((n) => DBOS.startWorkflow(number, { queueName: "children" })({ n })),
          );
          return sumOf(await Promise.all(handles.map((handle) => handle.getResult())));
        },
      });
    },
    { name: "bench" },
  );
  const config = { name: "bench", systemDatabaseUrl: database.url, systemDatabasePoolSize: 24 };
  DBOS.setConfig({ ...config, logger: quiet, runAdminServer: false, logLevel: "error" });
  await DBOS.launch();
  await DBOS.registerQueue("children", {
    minPollingIntervalMs: 50,
    onConflict: "always_update",
  });
  return {
    name: "dbos",
    start: async (input) => void (await DBOS.startWorkflow(bench, { workflowID: input.id })(input)),
    signal: (id) => DBOS.send(id, {}, "go"),
    async close() {
      await DBOS.shutdown();
      // DBOS closes its pools later than this call returns. Without the database, that would cause errors.
      await new Promise((resolve) => setTimeout(resolve, 500));
      await database.drop();
    },
  };
}
