/**
 * Runs of agents: how much time they add to the AI SDK, how soon they continue after a crash, what budgets
 * cost, and how soon the answer is on a screen. Each baseline does the same without Mayfly, as far as that
 * is possible. Baselines and our runs take turns, with the same scripted model.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/runs.ts [--quick] [loop resume recovery budgets edge screen]
 */
import { openPostgresDatabase } from "#harness/database";
import { makeTemplate } from "#harness/template";
import { measureBudgets } from "./runs/budgets.ts";
import { measureEdge } from "./runs/edge.ts";
import { measureLoop } from "./runs/loop.ts";
import { measureRecovery } from "./runs/recovery.ts";
import { measureResume } from "./runs/resume.ts";
import { measureScreen } from "./runs/screen.ts";

// Otherwise the AI SDK would print its warnings. Our runs record them instead.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
const chosen = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const isChosen = (part: string) => chosen.length === 0 || chosen.includes(part);

const parts = { loop: measureLoop, resume: measureResume, recovery: measureRecovery };
const db = await openPostgresDatabase({ durable: true });
for (const [name, measure] of Object.entries({ ...parts, budgets: measureBudgets }))
  if (isChosen(name)) await measure(db);
await db.close();
if (isChosen("edge") || isChosen("screen")) await makeTemplate();
if (isChosen("edge")) await measureEdge();
if (isChosen("screen")) await measureScreen();
process.exit(0);
