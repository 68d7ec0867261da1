/**
 * Two hundred agents of one tenant in one process. They show what they do, send heartbeats, end or vanish,
 * and new agents take their place. A watcher follows their presence. Measures whether the watcher sees the
 * agents that the table has, how late the watcher sees a change, and how much memory the process uses. Takes
 * ten minutes, or one minute with --quick. Runs on the embedded Supabase with raised limits, because the Free
 * plan allows 200 connections and 20 presence messages a second. Uses the Postgres in DATABASE_URL if it is
 * set, because on PGlite, so many agents keep the only session busy for more than half of the time.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/agents.ts [--quick]
 */
import { fork } from "node:child_process";
import { join } from "node:path";
import { startLocal } from "@mayfly/local";
import postgres from "postgres";
import { makeTenant } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { startTestLocal } from "#harness/local";
import { silent } from "#harness/log";
import { makeTemplate } from "#harness/template";
import { quartiles } from "./lib/measure.ts";
import { growth, type Sample } from "./lib/memory.ts";
import { report } from "./lib/report.ts";
import { quick, unlimited } from "./lib/target.ts";

const many = 200;
const minutes = quick ? 1 : 10;
/** How long the growth of memory is ignored at first, while caches fill and code is compiled. */
const warmUpMs = quick ? 20_000 : 120_000;
const compareMs = 500;
/** If presence and the table differ for longer than this, it is an error and not a delay. */
const wrongAfterMs = 20_000;
/** If memory grows faster than this after the warm-up, it counts as growth that never stops. */
const flatMbPerMinute = 1;
const limits = {
  connections: 1_000,
  joinsPerSecond: 10_000,
  messagesPerSecond: 100_000,
  presencePerSecond: 100_000,
};

type Told =
  | { what: "ready" }
  | { what: "present"; ids: string[] }
  | { what: "vanished"; id: string }
  | { what: "memory"; heap: number; rss: number }
  | { what: "done"; lags: number[]; problems: string[] };

const { local, sql, database, close } = process.env.DATABASE_URL
  ? await onPostgres()
  : await onPglite();
console.log(`On ${database}, with limits raised: ${JSON.stringify(limits)}.`);
// Tokens last only four minutes, so that agents renew them during the whole measurement.
const tenant = await makeTenant(sql, { ...unlimited, token_lifetime: "4 minutes" });
const crowd = fork(join(import.meta.dirname, "agents-crowd.ts"), [
  local.apiUrl,
  local.secretKey,
  tenant,
  String(many),
]);

let present = new Set<string>();
const vanished = new Set<string>();
const heap: Sample[] = [];
const rss: Sample[] = [];
const ready = Promise.withResolvers<void>();
const done = Promise.withResolvers<{ lags: number[]; problems: string[] }>();
crowd.on("message", (message) => {
  const told = message as Told;
  const at = performance.now();
  if (told.what === "ready") ready.resolve();
  else if (told.what === "present") present = new Set(told.ids);
  else if (told.what === "vanished") vanished.add(told.id);
  else if (told.what === "memory") {
    heap.push({ at, bytes: told.heap });
    rss.push({ at, bytes: told.rss });
  } else done.resolve(told);
});
crowd.once("exit", (code) => {
  const gone = new Error(`The process of the agents ended with ${code}.`);
  ready.reject(gone);
  done.reject(gone);
});
await ready.promise;

/** The agents about which presence and the table differ, each with the time since when. */
const differs = new Map<string, number>();
const late: number[] = [];
let comparisons = 0;
const start = performance.now();
const end = start + minutes * 60_000;
while (performance.now() < end) {
  const rows = await sql<{ id: string }[]>`
    select id from mayfly.agents
    where tenant_id = ${tenant} and status = 'running' and expires_at > clock_timestamp()`;
  const now = performance.now();
  const expected = new Set(rows.map(({ id }) => id).filter((id) => !vanished.has(id)));
  for (const id of new Set([...expected, ...present, ...differs.keys()])) {
    const since = differs.get(id);
    if (expected.has(id) !== present.has(id)) differs.set(id, since ?? now);
    else if (since !== undefined) {
      late.push(now - since);
      differs.delete(id);
    }
  }
  comparisons++;
  await new Promise((resolve) => setTimeout(resolve, compareMs));
}
const open = [...differs.values()].map((since) => performance.now() - since);
crowd.send("end");
const { lags, problems } = await done.promise;
await new Promise((resolve) => crowd.once("exit", resolve));
await close();

const settled = (samples: Sample[]) => samples.filter(({ at }) => at > start + warmUpMs);
const on = `the embedded stack with ${database}, limits raised`;
const row = (name: string, unit: string, ours: number) =>
  report({ bench: "agents", name: `${many} agents, ${minutes} min: ${name}`, on, unit, ours });
const last = (samples: Sample[]) => (samples.at(-1)?.bytes ?? 0) / 1e6;
row("heap at the end", "MB", last(heap));
row("growth of the heap", "MB/min", growth(settled(heap)));
row("RSS at the end", "MB", last(rss));
row("growth of the RSS", "MB/min", growth(settled(rss)));
row("a change until the watcher sees it, median", "ms", quartiles(lags).median);
row("the same, the slowest", "ms", Math.max(...lags));
row("a start or end until presence and table agree, median", "ms", quartiles(late).median);
row("the same, the slowest", "ms", Math.max(...late, ...open));
console.log(
  `${comparisons} comparisons with the table, ${late.length} agents came or went, ${lags.length} changes seen.`,
);
for (const text of new Set(problems))
  console.log(`${problems.filter((one) => one === text).length} times: ${text}`);

async function onPglite() {
  await makeTemplate();
  const local = await startTestLocal({ embedded: true, limits });
  return { local, sql: local.sql, database: "pglite", close: () => local.close() };
}

async function onPostgres() {
  const db = await openPostgresDatabase({ durable: true });
  const local = await startLocal({ dbUrl: db.url, port: 0, dbPort: 0, limits, log: silent });
  const sql = postgres(db.url, { max: 2, onnotice: () => {} });
  const close = async () => {
    await sql.end();
    await local.close();
    await db.close();
  };
  return { local, sql, database: "postgres", close };
}

const wrong = [...late, ...open].filter((ms) => ms > wrongAfterMs).length;
if (wrong > 0) console.error(`Presence was wrong about ${wrong} agents.`);
const growing = !quick && growth(settled(heap)) > flatMbPerMinute;
if (growing) console.error("The heap grows.");
if (wrong > 0 || growing || problems.length > 0) process.exitCode = 1;
