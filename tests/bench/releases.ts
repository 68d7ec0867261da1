/**
 * Compares the frequent calls of release 0.1.0 with the same calls of the current SQL, in turns. Each release
 * has its own database on one Postgres 17. The calls: a push of one memory and of 100, a recall by words and
 * by meaning, a spawn of an agent, and messages to one recipient and to 50. Measures the CPU time of the
 * server's process, which other work on the machine does not change, or the elapsed time if the server runs
 * on another machine. If a ratio is above 1, the current SQL is slower than 0.1.0.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/releases.ts [--quick] [push recall …]
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { applyMigrations } from "@mayfly/local/internal";
import { type Backend, openBackend } from "#harness/backend";
import { makeAgent, makeTenant, rpc } from "#harness/callers";
import { putOf } from "#harness/operations";
import { root, withReleasedMigrations } from "#harness/sources";
import { type Opened, projects } from "../upgrade/databases.ts";
import { compareCosts } from "./lib/cost.ts";
import { reportComparison } from "./lib/report.ts";
import { quick, rounds, unlimited } from "./lib/target.ts";

const memories = quick ? 1_500 : 5_000;
const letters = () =>
  Math.random()
    .toString(36)
    .replace(/[^a-z]/g, "");
const vocabulary = Array.from({ length: 3_000 }, () => `${letters()}${letters()}`.slice(0, 9));
/**
 * A random word. Words are as frequent as in real texts: most sentences contain the first word, and one in a
 * hundred contains the thousandth.
 */
const word = () => vocabulary[Math.floor(Math.exp(Math.random() * Math.log(vocabulary.length)))];
const sentence = (length: number) => Array.from({ length }, word).join(" ");
const vector = () =>
  Array.from({ length: 384 }, () => Number((Math.random() - 0.5).toPrecision(4)));

/** An agent in a tenant full of memories, and a caller that may spawn there. */
interface Side {
  isOld: boolean;
  agent: Backend;
  spawner: Backend;
  recipients: string[];
}

const memory = () => ({
  ...putOf({ task: sentence(6), output: sentence(40), tags: ["security"] }),
  embedding: vector(),
  model: "m",
});
/** Operations in the form of 0.1.0, or in the current form. */
const operations = (length: number, isOld: boolean) =>
  JSON.stringify(
    Array.from({ length }, memory).map((operation) => {
      if (isOld) return operation;
      const { id, type, memory: fields, embedding, model } = operation;
      const { id: subject, ...body } = fields;
      return { id, type, subject, body: { ...body, embedding, model } };
    }),
  );

async function fill({ sql, url }: Opened, isOld: boolean): Promise<Side> {
  const tenant = await makeTenant(sql, unlimited);
  const options = { lifetime: 3_600 };
  const { claims } = await makeAgent(sql, tenant, options);
  for (let done = 0; done < memories; done += 100) {
    const push = Array.from({ length: 100 }, memory) as never;
    await rpc(sql, claims, "sync", { push, page_limit: 0 });
  }
  const recipients: string[] = [];
  for (let n = 0; n < 50; n++) recipients.push((await makeAgent(sql, tenant, options)).id);
  // Maintenance runs each minute in production. It samples the words, so that a recall knows which words are
  // rare.
  await sql`select mayfly_private.maintain_tenant(${tenant}, 10000)`;
  await sql`vacuum analyze`;
  const spawner = await openBackend(url, { role: "service_role" });
  await spawner.query("select set_config('request.headers', $1, false)", [
    JSON.stringify({ "x-mayfly-tenant": tenant }),
  ]);
  return { isOld, agent: await openBackend(url, claims), spawner, recipients };
}

interface Call {
  by: "agent" | "spawner";
  sql: string | ((side: Side) => string);
  /** The arguments of the call. They are made before its time is measured. */
  values(side: Side): unknown[];
}
const oldPush = "select mayfly.sync($1::text::jsonb, null, 0)";
/** A push, as the clients of each release make it. */
const push = (length: number): Call => ({
  by: "agent",
  sql: ({ isOld }) => (isOld ? oldPush : "select mayfly.push($1::text::jsonb)"),
  values: ({ isOld }) => [operations(length, isOld)],
});
const send = (count: number): Call => ({
  by: "agent",
  sql: "select mayfly.send_messages($1::text::jsonb)",
  values: ({ recipients }) => [
    JSON.stringify(
      recipients.slice(0, count).map((agent) => ({
        id: randomUUID(),
        to: { agent },
        type: "info",
        payload: { text: sentence(30) },
      })),
    ),
  ],
});
const calls: Record<string, Call> = {
  "a push of one memory": push(1),
  "a push of 100 memories": push(100),
  "a push of 100 memories, by a client of 0.1.0": {
    by: "agent",
    sql: oldPush,
    values: () => [operations(100, true)],
  },
  "recall by words": {
    by: "agent",
    sql: "select * from mayfly.recall($1)",
    values: () => [sentence(3)],
  },
  "recall by meaning": {
    by: "agent",
    sql: "select * from mayfly.recall(null, $1::real[], 'm')",
    values: () => [vector()],
  },
  "spawning an agent": {
    by: "spawner",
    sql: "select mayfly.spawn_agent(lifetime => 60)",
    values: () => [],
  },
  "a message": send(1),
  "50 messages": send(50),
};

/** A call to one of the two releases, with its arguments. */
const callOf = (side: Side, { by, sql, values }: Call) => ({
  backend: side[by],
  prepare: () => {
    const given = values(side);
    const text = typeof sql === "string" ? sql : sql(side);
    return () => side[by].query(text, given);
  },
});

const project = projects.find(({ here, name }) => here && name.startsWith("Postgres"));
if (!project) throw new Error("DATABASE_URL names no Postgres 17.");
const opened: Opened[] = [];
const backends: Backend[] = [];
try {
  const sides: Side[] = [];
  for (const released of [true, false]) {
    const database = await project.open();
    opened.push(database);
    if (released) await withReleasedMigrations((folder) => applyMigrations(database.url, folder));
    else await applyMigrations(database.url, join(root, "supabase/migrations"));
    const side = await fill(database, released);
    backends.push(side.agent, side.spawner);
    sides.push(side);
  }
  const [before, now] = sides as [Side, Side];
  const wanted = process.argv.slice(2).filter((word) => !word.startsWith("--"));
  for (const [name, call] of Object.entries(calls)) {
    if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue;
    reportComparison(
      { bench: "releases", name, on: "postgres", against: "0.1.0" },
      await compareCosts(
        rounds(200, name.includes("100") ? 20 : 50),
        callOf(now, call),
        callOf(before, call),
      ),
    );
  }
} finally {
  for (const backend of backends) await backend.close();
  for (const database of opened) await database.close();
}
