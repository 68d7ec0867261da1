/** Whether a test of this file has failed so far, or none has begun: a setup file of every test file. */

let begun = false;
let failed = false;

// Benchmarks open databases as well, and run without Vitest.
if (process.env.VITEST) {
  const { beforeEach } = await import("vitest");
  beforeEach(({ onTestFailed }) => {
    begun = true;
    onTestFailed(() => {
      failed = true;
    });
  });
}

export const hasFailed = (): boolean => failed || !begun;
