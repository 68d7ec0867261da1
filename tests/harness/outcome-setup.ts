/**
 * A setup file, which Vitest evaluates again for every test file. It records whether a test of the file has
 * failed, and how much processor time the file takes.
 */
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
