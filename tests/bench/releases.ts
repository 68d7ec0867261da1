/**
 * The hot calls of release 0.1.0 against the same calls of the SQL as it stands, each in a database of its
 * own on one Postgres 17, in turns: a push of one memory and of 100, a recall by words and by meaning,
 * spawning an agent, and messages to one recipient and to 50. A ratio above 1 is slower than 0.1.0.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/releases.ts [--quick]
 */
import { join } from "node:path";
import { applyMigrations } from "@mayfly/local/internal";
import { type Claims, makeAgent, makeTenant, rpc, type Sql } from "#harness/callers";
import { putOf } from "#harness/operations";
import { root, withReleasedMigrations } from "#harness/sources";
import { type Opened, projects } from "../upgrade/databases.ts";
import { compare } from "./lib/measure.ts";
import { reportComparison } from "./lib/report.ts";
import { quick, rounds, unlimited } from "./lib/target.ts";

const memories = quick ? 1_000 : 5_000;
const vector = () =>
  Array.from({ length: 384 }, () => Number((Math.random() - 0.5).toPrecision(4)));
/** Words as texts have them: the first is in every other sentence, the thousandth in one of 500. */
const word = () => `subject${Math.floor(Math.exp(Math.random() * Math.log(3_000)))}`;
const sentence = (length: number) => Array.from({ length }, word).join(" ");

/** A tenant full of memories, an agent that works in it, and 50 that it writes to. */
interface Side {
  sql: Sql;
  claims: Claims;
  tenant: string;
  others: string[];
}

const memory = () => ({
  ...putOf({
    task: sentence(6),
    output: sentence(40),
    tags: ["security"],
  }),
  embedding: vector(),
  model: "m",
});

async function fill(sql: Sql): Promise<Side> {
  const tenant = await makeTenant(sql, unlimited);
  const { claims } = await makeAgent(sql, tenant, { lifetime: 3_600 });
  for (let done = 0; done < memories; done += 100)
    await rpc(sql, claims, "sync", {
      push: Array.from({ length: 100 }, memory) as never,
      page_limit: 0,
    });
  const others: string[] = [];
  for (let n = 0; n < 50; n++) others.push((await makeAgent(sql, tenant, { lifetime: 3_600 })).id);
  await sql`vacuum analyze`;
  return { sql, claims, tenant, others };
}

const push =
  (size: number) =>
  async ({ sql, claims }: Side) => {
    await rpc(sql, claims, "sync", {
      push: Array.from({ length: size }, memory) as never,
      page_limit: 0,
    });
  };
const send =
  (recipients: number) =>
  async ({ sql, claims, others }: Side) => {
    const messages = others.slice(0, recipients).map((agent) => ({
      id: crypto.randomUUID(),
      to: { agent },
      type: "info",
      payload: { text: sentence(30) },
    }));
    await rpc(sql, claims, "send_messages", { messages: messages as never });
  };
const calls: Record<string, (side: Side) => Promise<void>> = {
  "a push of one memory": push(1),
  "a push of 100 memories": push(100),
  "recall by words": async ({ sql, claims }) => {
    await sql.begin(async (session) => {
      await session`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`;
      await session.unsafe("set local role authenticated");
      await session`select * from mayfly.recall(${sentence(3)})`;
    });
  },
  "recall by meaning": async ({ sql, claims }) => {
    await sql.begin(async (session) => {
      await session`select set_config('request.jwt.claims', ${JSON.stringify(claims)}, true)`;
      await session.unsafe("set local role authenticated");
      await session`select * from mayfly.recall(null, ${vector()}::real[], 'm')`;
    });
  },
  "spawning an agent": async ({ sql, tenant }) => {
    await makeAgent(sql, tenant, { lifetime: 60 });
  },
  "a message": send(1),
  "50 messages": send(50),
};

const project = projects.find(({ here, name }) => here && name.startsWith("Postgres"));
if (!project) throw new Error("DATABASE_URL names no Postgres 17.");
const opened: Opened[] = [];
try {
  for (const released of [true, false]) {
    const database = await project.open();
    opened.push(database);
    if (released) await withReleasedMigrations((folder) => applyMigrations(database.url, folder));
    else await applyMigrations(database.url, join(root, "supabase/migrations"));
  }
  const [before, now] = await Promise.all(opened.map(({ sql }) => fill(sql)));
  if (!before || !now) throw new Error("There are no two databases.");
  for (const [name, call] of Object.entries(calls))
    reportComparison(
      { bench: "releases", name, on: "postgres", against: "0.1.0" },
      await compare(
        rounds(200, 60),
        () => call(now),
        () => call(before),
      ),
    );
} finally {
  for (const database of opened) await database.close();
}
