/**
 * Runs of agents: what they add to the AI SDK, how soon they go on, what budgets cost, and how soon a screen has what
 * was said. Each beside the bare thing, in turns, on the same scripted model.
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

// The bare loop would print them; ours records them.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
const chosen = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const isChosen = (part: string) => chosen.length === 0 || chosen.includes(part);

const parts = { loop: measureLoop, resume: measureResume, recovery: measureRecovery };
const db = await openPostgresDatabase();
for (const [name, measure] of Object.entries({ ...parts, budgets: measureBudgets }))
  if (isChosen(name)) await measure(db);
await db.close();
if (isChosen("edge") || isChosen("screen")) await makeTemplate();
if (isChosen("edge")) await measureEdge();
if (isChosen("screen")) await measureScreen();
process.exit(0);
