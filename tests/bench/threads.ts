/**
 * Compares our checkpointer for LangGraph.js, which calls the Data API, with LangGraph's own checkpointer for
 * Postgres, which has a connection to the database. Both use the same Postgres. Measures how long a step of a
 * growing thread takes, how large the thread becomes, and how long it takes to read the thread. The embedded
 * Supabase serves the Data API in the process of the benchmark.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/threads.ts [--quick]
 */
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import { MayflySaver } from "@mayfly/langgraph";
import { Mayfly } from "@mayfly/sdk";
import { makeTenant } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { silent } from "#harness/log";
import { startLocal } from "../../local/src/index.ts";
import { quartiles } from "./lib/measure.ts";
import { report } from "./lib/report.ts";
import { rounds, unlimited } from "./lib/target.ts";

const messages = rounds(1_000, 200);
const words = "Everything that is said here is said once and kept. ".repeat(20);
const reads = 10;
const on = "postgres";

const db = await openPostgresDatabase({ durable: true });
const local = await startLocal({ dbUrl: db.url, port: 0, log: silent });
const tenant = await makeTenant(db.sql, unlimited);
const mayfly = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant });
const theirs = PostgresSaver.fromConnString(db.url, { schema: "langgraph" });
await theirs.setup();

/** Makes a thread with `most` messages: each step adds one. */
async function talk(checkpointer: BaseCheckpointSaver, thread_id: string, most: number) {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("model", ({ messages: said }: { messages: BaseMessage[] }) => ({
      messages: [new AIMessage(`${said.length} ${words}`)],
    }))
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages: said }) => (said.length >= most ? END : "model"))
    .compile({ checkpointer });
  const began = performance.now();
  const config = { configurable: { thread_id }, recursionLimit: most + 10 };
  await graph.invoke({ messages: [new HumanMessage(words)] }, config);
  return { ms: (performance.now() - began) / most, graph };
}

async function bytesOf(schema: string, tables: string[]): Promise<number> {
  let bytes = 0;
  for (const table of tables) {
    const [row] = await db.sql`
      select pg_total_relation_size(${`${schema}.${table}`}::regclass)::float8 as bytes`;
    bytes += Number(row?.bytes);
  }
  return bytes;
}
const sizes = {
  ours: () => bytesOf("mayfly", ["threads", "checkpoints", "thread_parts", "thread_writes"]),
  theirs: () => bytesOf("langgraph", ["checkpoints", "checkpoint_blobs", "checkpoint_writes"]),
};
const text = messages * words.length;

// Both warm up on a short thread before either one is measured.
const saver = () => new MayflySaver(mayfly);
await talk(saver(), "warm", 10);
await talk(theirs, "warm", 10);
const before = { ours: await sizes.ours(), theirs: await sizes.theirs() };
const one = await talk(saver(), "long", messages);
const other = await talk(theirs, "long", messages);
const name = `thread of ${messages} messages of ${words.length} characters`;
const row = { bench: "threads", on, against: "LangGraph's saver for Postgres" };
report({
  ...{ ...row, name: `a step of a ${name}`, unit: "ms" },
  ...{ ours: one.ms, baseline: other.ms, ratio: one.ms / other.ms },
});
const [weighs, weighsTheirs] = [
  ((await sizes.ours()) - before.ours) / 1e6,
  ((await sizes.theirs()) - before.theirs) / 1e6,
];
report({
  ...{ ...row, name: `a ${name} on the disk`, unit: "MB" },
  ...{ ours: weighs, baseline: weighsTheirs, ratio: weighs / weighsTheirs },
});
const charged = (await mayfly.threads.list()).data?.find(({ name }) => name === "long")?.bytes ?? 0;
report({
  bench: "threads",
  on,
  name: `a ${name}, charged`,
  unit: "× its text",
  ours: charged / text,
});

const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
const config = { configurable: { thread_id: "long" } };
for (let n = 0; n < reads; n++)
  for (const [whose, { graph }] of [
    ["ours", one],
    ["theirs", other],
  ] as const) {
    const began = performance.now();
    const state = await graph.getState(config);
    times[whose].push(performance.now() - began);
    if (state.values.messages.length < messages) throw new Error("There are messages missing.");
  }
const [read, readTheirs] = [quartiles(times.ours).median, quartiles(times.theirs).median];
report({
  ...{ ...row, name: `a reading of a ${name}`, unit: "ms" },
  ...{ ours: read, baseline: readTheirs, ratio: read / readTheirs },
});
await theirs.end();
await mayfly.close();
await local.close();
await db.close();
process.exit(0);
