import type { TestProject } from "vitest/node";
import { buildCurrentMigrations } from "./sources.ts";
import { makeTemplate } from "./template.ts";

/** @throws one sentence: no test starts on SQL that does not apply. */
async function prepare(): Promise<void> {
  try {
    await buildCurrentMigrations();
    await makeTemplate();
  } catch (error) {
    const { message, stack } = error as Error;
    const sentence = new Error(`No test was started, since the SQL does not apply. ${message}`);
    // A mistake in SQL has no stack of ours; every other one does.
    if (stack && !(error as Error).cause) sentence.stack = stack.replace(message, sentence.message);
    else sentence.stack = sentence.message;
    throw sentence;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  await prepare();
  // With --watch, a changed SQL file is a run of its own.
  project.onTestsRerun(prepare);
}
