/**
 * Compares jobs with other queues for Postgres on the same server, in turns: see jobs/. The other queues are
 * installed the first time (`npm ci` in jobs/opponents).
 *
 *   DATABASE_URL=postgresql://… node tests/bench/jobs.ts [--quick] [sql rates starts adds steps held stuck zombies api pglite]
 */
import { openPostgresDatabase } from "#harness/database";
import { measureAdds } from "./jobs/adds.ts";
import { measureApi } from "./jobs/api.ts";
import { measureHeld } from "./jobs/held.ts";
import { openOurs } from "./jobs/ours.ts";
import { installOpponents } from "./jobs/packages.ts";
import { measurePglite } from "./jobs/pglite.ts";
import { openBoss, openGraphile } from "./jobs/pools.ts";
import type { Queue } from "./jobs/queue.ts";
import { measureRates } from "./jobs/rates.ts";
import { measureSql } from "./jobs/sql.ts";
import { measureStarts } from "./jobs/starts.ts";
import { measureSteps } from "./jobs/steps.ts";
import { measureStuck } from "./jobs/stuck.ts";
import { openAbsurd, openDbos, openOpenWorkflow } from "./jobs/workflows.ts";
import { measureZombies } from "./jobs/zombies.ts";

installOpponents();
const chosen = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const isChosen = (part: string) => chosen.length === 0 || chosen.includes(part);

const db = await openPostgresDatabase({ durable: true });
const queues: Queue[] = [];
if (isChosen("rates") || isChosen("starts") || isChosen("adds")) {
  queues.push(await openOurs(db));
  for (const open of [openGraphile, openBoss, openAbsurd, openOpenWorkflow, openDbos])
    queues.push(await open());
}
if (isChosen("sql")) await measureSql(db);
if (isChosen("rates")) for (const workers of [1, 8]) await measureRates(queues, workers);
if (isChosen("starts")) await measureStarts(queues);
if (isChosen("adds")) await measureAdds(queues);
for (const queue of queues) await queue.close();
if (isChosen("steps")) await measureSteps(db);
if (isChosen("held")) await measureHeld(db);
if (isChosen("stuck")) await measureStuck(db);
if (isChosen("zombies")) await measureZombies(db);
if (isChosen("api")) await measureApi(db);
if (isChosen("pglite")) await measurePglite();
await db.close();
