/** Whether a test of this file has failed so far, or none has begun: a setup file of every test file. */
import { beforeEach } from "vitest";

let begun = false;
let failed = false;

// Benchmarks use the harness too, and have no tests.
if (process.env.VITEST)
  beforeEach(({ onTestFailed }) => {
    begun = true;
    onTestFailed(() => {
      failed = true;
    });
  });

export const hasFailed = (): boolean => failed || !begun;
