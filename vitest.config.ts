import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/harness/setup.ts"],
    setupFiles: ["tests/harness/seed.ts"],
    reporters: ["default", "./tests/harness/reporter.ts"],
    // Two cores: more workers only wait for each other, and each database takes 0.5 GB.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
