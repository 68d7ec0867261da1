import { defineConfig } from "vitest/config";

/** `npm run test:chaos`: under 10 minutes, separate from `npm test`. */
export default defineConfig({
  test: {
    root: new URL("../../..", import.meta.url).pathname,
    include: ["tests/invariants/chaos/**/*.chaos.ts"],
    globalSetup: ["tests/harness/setup.ts"],
    reporters: ["default", "./tests/harness/reporter.ts"],
    // Only one thing fails at a time.
    maxWorkers: 1,
    testTimeout: 400_000,
    hookTimeout: 240_000,
  },
});
