import type { TestProject } from "vitest/node";
import { databaseUrl } from "./needs.ts";
import { beginRun } from "./once.ts";
import { makePostgresTemplate } from "./postgres-template.ts";
import { buildCurrentMigrations, noteStage } from "./sources.ts";
import { makeTemplate } from "./template.ts";

/** @throws an error of one sentence if the SQL cannot be applied. Then no test starts. */
async function prepare(): Promise<void> {
  try {
    await buildCurrentMigrations();
    // With a real Postgres, few tests need PGlite, whose template takes three times as long to make. The
    // first test that needs it makes it.
    if (databaseUrl) await makePostgresTemplate(databaseUrl);
    else await makeTemplate();
    await noteStage();
  } catch (error) {
    const { message, stack } = error as Error;
    const sentence = new Error(`No test was started, since the SQL does not apply. ${message}`);
    // An SQL error loses its stack, which does not help. Every other error keeps its stack.
    if (stack && !(error as Error).cause) sentence.stack = stack.replace(message, sentence.message);
    else sentence.stack = sentence.message;
    throw sentence;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const ends = [await beginRun()];
  await prepare();
  // With --watch, a changed file starts a new run.
  project.onTestsRerun(async () => {
    ends.push(await beginRun());
    await prepare();
  });
  return async () => {
    for (const end of ends) await end();
  };
}
