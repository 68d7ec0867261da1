import { defineConfig } from "vitest/config";

/** `npm run test:chaos`: under 10 minutes, apart from `npm test`. */
export default defineConfig({
  test: {
    root: new URL("../../..", import.meta.url).pathname,
    include: ["tests/invariants/chaos/**/*.chaos.ts"],
    globalSetup: ["tests/harness/setup.ts"],
    reporters: ["default", "./tests/harness/reporter.ts"],
    // One thing breaks at a time.
    maxWorkers: 1,
    testTimeout: 400_000,
    hookTimeout: 240_000,
  },
});
