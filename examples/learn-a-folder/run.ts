import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { findRunning } from "@mayfly/local";
import type { Mayfly } from "@mayfly/sdk";
import { ask } from "./ask.ts";
import { folderTag } from "./episode.ts";
import { extract } from "./extract/index.ts";
import { Failure, within } from "./failure.ts";
import { learn } from "./learn.ts";
import { type Options, repository } from "./options.ts";
import { findProject, openTenant } from "./project.ts";
import { ownQuestions, questionsFor } from "./questions.ts";
import type { Outcome, Report } from "./report.ts";
import { type FoundFile, scan } from "./scan.ts";
import { Team } from "./team.ts";
import { Thinking, thinkingScopes } from "./thinking.ts";

/** How many files are enough to find questions. */
const SAMPLE = 200;
const NEWCOMER_LIFETIME = 120;
const CLOSE_MS = 2000;

/**
 * A team learns the folder and ends, and a newcomer answers from what it learned. Whatever happens, every
 * agent is stopped, everything that was started is closed, and the report gets the outcome.
 *
 * @returns the exit code
 */
export async function run(options: Options, report: Report, signal: AbortSignal): Promise<number> {
  const started = performance.now();
  const outcome: Outcome = {
    folder: options.folder,
    members: [],
    answers: [],
    thinking: null,
    ms: 0,
    error: null,
    interrupted: false,
  };
  let exitCode = 0;
  try {
    await go(options, report, signal, outcome);
  } catch (error) {
    outcome.interrupted = signal.aborted;
    exitCode = signal.aborted ? 130 : error instanceof Failure ? error.exitCode : 1;
    if (!signal.aborted) outcome.error = (await stopped(options, outcome)) ?? explain(error);
  }
  outcome.ms = performance.now() - started;
  report.finished(outcome);
  return exitCode;
}

async function go(
  options: Options,
  report: Report,
  signal: AbortSignal,
  outcome: Outcome,
): Promise<void> {
  const { folder } = options;
  report.starting(folder, options.model?.name ?? null);
  const project = await findProject({ ...options, signal }, process.env);
  try {
    outcome.place = project.place;
    report.connected(project.place);
    const thinking =
      options.model &&
      new Thinking(options.model, signal, (message) => report.modelFailed(message));
    const { mayfly, tenant } = await openTenant(project, folder, signal, thinking?.telemetry);
    outcome.tenant = tenant;
    const found = await scan(folder, signal);
    outcome.found = found;
    report.scanned(found);
    const team = new Team(mayfly, signal, thinking ? thinkingScopes : []);
    outcome.members = team.members;
    try {
      await work(options, { mayfly, found, team, report, signal, outcome, thinking });
    } finally {
      outcome.thinking = thinking;
      await team.endAll(signal.aborted ? "interrupted" : "the run is over");
      await within(CLOSE_MS, mayfly.close());
    }
  } finally {
    await project.close();
  }
}

interface Work {
  mayfly: Mayfly;
  found: NonNullable<Outcome["found"]>;
  team: Team;
  report: Report;
  signal: AbortSignal;
  outcome: Outcome;
  thinking: Thinking | null;
}

async function work(options: Options, working: Work) {
  const { mayfly, found, team, report, signal, outcome, thinking } = working;
  const tag = folderTag(options.folder);
  const lesson = await learn({ ...options, tag, mayfly, found, team, report, signal, thinking });
  outcome.lesson = lesson;
  report.learned(lesson, team.members);

  const newcomer = await team.spawn("newcomer", NEWCOMER_LIFETIME, "Answer questions");
  report.newcomer(newcomer.name, lesson);
  const answer = async () => {
    for (const question of await questionsOf(options, found.files)) {
      const answered = await ask(newcomer, question, tag, signal, thinking);
      outcome.answers.push(answered);
      report.answer(answered);
    }
  };
  await (thinking ? thinking.as(newcomer, answer) : answer());
}

async function questionsOf(options: Options, files: readonly FoundFile[]): Promise<string[]> {
  if (options.questions.length > 0) return options.questions;
  if (options.folder === repository) return ownQuestions();
  const sections = files.slice(0, SAMPLE).map(async ({ path }) => {
    const text = await readFile(join(options.folder, path), "utf8").catch(() => "");
    return extract(path, text).map((section) => ({ path, section }));
  });
  return questionsFor((await Promise.all(sections)).flat());
}

/**
 * The error if the embedded Supabase has ended. This can happen at any time if somebody else has
 * started it.
 */
async function stopped({ data }: Options, { place }: Outcome): Promise<Outcome["error"]> {
  if (place?.supabase !== "running" || (await findRunning(data))) return null;
  const message = `The embedded Supabase at ${place.url} was stopped. Start it again with npm start, or let the demo start its own: run it again. What was acknowledged is kept.`;
  return { code: "stopped", message };
}

function explain(error: unknown): { code: string; message: string } {
  if (error instanceof Failure) return { code: error.code, message: error.message };
  return { code: "unexpected", message: error instanceof Error ? error.message : String(error) };
}
