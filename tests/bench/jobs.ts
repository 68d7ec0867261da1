/**
 * Jobs, against queues for Postgres on the same server, in turns: see jobs/. What they are installs itself
 * the first time (`npm ci` in jobs/opponents).
 *
 *   DATABASE_URL=postgresql://… node tests/bench/jobs.ts [--quick] [sql rates starts steps held zombies]
 */
import { openPostgresDatabase } from "#harness/database";
import { measureHeld } from "./jobs/held.ts";
import { openOurs } from "./jobs/ours.ts";
import { installOpponents } from "./jobs/packages.ts";
import { openBoss, openGraphile } from "./jobs/pools.ts";
import type { Queue } from "./jobs/queue.ts";
import { measureRates } from "./jobs/rates.ts";
import { measureSql } from "./jobs/sql.ts";
import { measureStarts } from "./jobs/starts.ts";
import { measureSteps } from "./jobs/steps.ts";
import { openAbsurd, openDbos, openOpenWorkflow } from "./jobs/workflows.ts";
import { measureZombies } from "./jobs/zombies.ts";

installOpponents();
const chosen = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const isChosen = (part: string) => chosen.length === 0 || chosen.includes(part);

const db = await openPostgresDatabase();
const queues: Queue[] = [];
if (isChosen("rates") || isChosen("starts")) {
  queues.push(await openOurs(db));
  for (const open of [openGraphile, openBoss, openAbsurd, openOpenWorkflow, openDbos])
    queues.push(await open());
}
if (isChosen("sql")) await measureSql(db);
if (isChosen("rates")) for (const workers of [1, 8]) await measureRates(queues, workers);
if (isChosen("starts")) await measureStarts(queues);
for (const queue of queues) await queue.close();
if (isChosen("steps")) await measureSteps(db);
if (isChosen("held")) await measureHeld(db);
if (isChosen("zombies")) await measureZombies(db);
await db.close();
