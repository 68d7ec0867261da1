/** A setup file for every test file. It records what has failed in the file and its effort, and is evaluated again for each. */
import { afterAll, beforeEach } from "vitest";
import { measureEffort } from "./effort.ts";
import { beginFile, beginTest } from "./outcome.ts";

beginFile();
const effort = measureEffort();
beforeEach(({ onTestFailed }) => beginTest(onTestFailed));
// The hook that is registered first runs last.
// biome-ignore lint/correctness/noEmptyPattern: Vitest reads from it that no fixture is wanted.
afterAll(({}, { file }) => {
  file.meta.effort = effort();
});
