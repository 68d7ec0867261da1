/**
 * The console in headless Chromium, with a tenant of 200 agents and 500 events a second: how many frames a
 * second the console draws, and how much memory it uses. Also measures, in a quiet tenant, how long an event
 * takes from its commit to the screen. The events are written with the SQL function that all rooms use. The
 * agents are only rows.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/console.ts [--quick]
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { startLocal } from "@mayfly/local";
import { chromium, type Page } from "playwright-core";
import postgres from "postgres";
import { makeTenant, type Sql } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { startTestLocal } from "#harness/local";
import { silent } from "#harness/log";
import { chromiumPath } from "#harness/needs";
import { makeTemplate } from "#harness/template";
import { buildConsole } from "../../scripts/build-console.ts";
import { quartiles } from "./lib/measure.ts";
import { report } from "./lib/report.ts";
import { quick, unlimited } from "./lib/target.ts";

const many = 200;
const perSecond = 500;
const batches = 20;
const busyMs = quick ? 10_000 : 60_000;
const single = quick ? 10 : 40;
/** The pause between single events: longer than nudges are collected, so that each event gets its own nudge. */
const apartMs = 1_700;
/** The goals. */
const goals = { frames: 30, heapMb: 300, screenMs: 200 };

const consoleFolder = join(import.meta.dirname, "../../console");
await buildConsole();
const { local, sql, database, close } = process.env.DATABASE_URL
  ? await onPostgres()
  : await onPglite();
const tenant = await makeTenant(sql, unlimited);
const agents = Array.from({ length: many }, () => randomUUID());
await sql`insert into mayfly.agents ${sql(
  agents.map((id, n) => ({
    ...{ tenant_id: tenant, id, name: `agent ${n}`, type: `type-${n % 6}`, lifetime: "1 hour" },
    expires_at: new Date(Date.now() + 600_000 + n * 5_000),
  })),
)}`;

const browser = await chromium.launch({
  executablePath: chromiumPath ?? "",
  args: ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
await page.goto(local.consoleLink() ?? "");
await page.waitForSelector(".shell");
const on = `Chromium beside the embedded stack with ${database}`;
const missed: string[] = [];

await open("stream");
const lags = await screenLags(page);
const lag = quartiles(lags).median;
report({ bench: "console", name: "from commit to the screen, median", on, unit: "ms", ours: lag });
if (lag > goals.screenMs) missed.push(`An event takes ${Math.round(lag)} ms to the screen.`);

for (const name of ["now", "stream"]) {
  await open(name);
  const writing = keepWriting();
  const { frames, heapMb } = await measured(page);
  const written = await writing.stop();
  const rate = Math.round(written / (busyMs / 1_000));
  const of = `${name}, ${many} agents, ${rate} events a second`;
  report({ bench: "console", name: `${of}: frames`, on, unit: "frames/s", ours: frames });
  report({ bench: "console", name: `${of}: heap`, on, unit: "MB", ours: heapMb });
  if (frames < goals.frames) missed.push(`${name} draws ${Math.round(frames)} frames a second.`);
  if (heapMb > goals.heapMb) missed.push(`${name} holds ${Math.round(heapMb)} MB.`);
}
await browser.close();
await close();
for (const sentence of missed) console.error(sentence);
if (missed.length > 0) process.exitCode = 1;

async function open(name: string): Promise<void> {
  await page.evaluate((hash) => {
    globalThis.location.hash = hash;
  }, `#/${tenant}/${name}`);
  await page.waitForSelector("main h1");
  await page.waitForSelector(".live >> text=Live");
}

async function append(count: number): Promise<void> {
  const sub = agents[Math.floor(Math.random() * many)];
  const claims = JSON.stringify({ iss: "mayfly", sub, mayfly: { tenant } });
  const ids = Array.from({ length: count }, () => randomUUID());
  await sql.begin(async (session) => {
    await session`select set_config('request.jwt.claims', ${claims}, true)`;
    await session`select mayfly_private.append_events(${tenant}, 'job.added', ${ids}::uuid[])`;
  });
}

/** Writes `perSecond` events a second until it is stopped, or as many as the database can, if that is fewer. */
function keepWriting() {
  let runs = true;
  let written = 0;
  const done = (async () => {
    const began = performance.now();
    for (let batch = 0; runs; batch++) {
      await append(perSecond / batches);
      written += perSecond / batches;
      const due = began + ((batch + 1) * 1_000) / batches;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
  })();
  return {
    async stop() {
      runs = false;
      await done;
      return written;
    },
  };
}

async function measured(of: Page): Promise<{ frames: number; heapMb: number }> {
  const frames = await of.evaluate(
    (ms) =>
      new Promise<number>((resolve) => {
        let drawn = 0;
        const began = performance.now();
        const count = (now: number) => {
          drawn++;
          if (now - began < ms) requestAnimationFrame(count);
          else resolve(drawn / ((now - began) / 1_000));
        };
        requestAnimationFrame(count);
      }),
    busyMs,
  );
  const session = await of.context().newCDPSession(of);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return { frames, heapMb: usedSize / 1e6 };
}

/** For each event, the time from the event until its line is drawn. Both times are of the same clock. */
async function screenLags(of: Page): Promise<number[]> {
  const since = Date.now();
  await of.evaluate((from) => {
    const seen = new Map<string, number>();
    Object.assign(globalThis, { seen });
    const look = () => {
      for (const time of document.querySelectorAll<HTMLTimeElement>(".line > time")) {
        const at = Date.parse(time.dateTime);
        if (at > from && !seen.has(time.dateTime)) seen.set(time.dateTime, Date.now() - at);
      }
      requestAnimationFrame(look);
    };
    look();
  }, since);
  for (let n = 0; n < single; n++) {
    await append(1);
    await new Promise((resolve) => setTimeout(resolve, apartMs));
  }
  return of.evaluate(() => [
    ...(globalThis as unknown as { seen: Map<string, number> }).seen.values(),
  ]);
}

async function onPglite() {
  await makeTemplate();
  const local = await startTestLocal({ console: consoleFolder, broadcastLeadMs: 0 });
  return { local, sql: local.sql as Sql, database: "pglite", close: () => local.close() };
}

async function onPostgres() {
  const db = await openPostgresDatabase();
  const options = { dbUrl: db.url, port: 0, dbPort: 0, console: consoleFolder, log: silent };
  const local = await startLocal(options);
  const sql = postgres(db.url, { max: 2, onnotice: () => {} });
  const close = async () => {
    await sql.end();
    await local.close();
    await db.close();
  };
  return { local, sql, database: "postgres", close };
}
