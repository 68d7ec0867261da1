import { join } from "node:path";
import { configDefaults, defineConfig } from "vitest/config";
import LongestFirst from "./tests/harness/sequencer.ts";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/harness/setup.ts"],
    setupFiles: ["tests/harness/seed.ts", "tests/harness/outcome-setup.ts"],
    // With --watch: the database of every test is made from these.
    forceRerunTriggers: [...configDefaults.forceRerunTriggers, "**/sql/**/*.sql"],
    // For the processes that tests start: half of a short one's time is reading the sources.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/node") },
    reporters: ["default", "./tests/harness/reporter.ts"],
    sequence: { sequencer: LongestFirst },
    // A process for many files: starting one and loading the SDK in it took half a second for each of them.
    isolate: false,
    // More than the gate's two cores: most of a test's time is waiting, for timers, processes and commits. 115 files
    // one after the other took 900 s, 240 s of them on a processor. Each worker takes up to 1 GB.
    maxWorkers: 5,
    // A test's database lives for seconds: optimizing its WebAssembly cost a quarter of all CPU time.
    execArgv: ["--liftoff-only"],
    // None takes so long on an idle machine; one that builds something else beside is slow, not broken.
    testTimeout: 180_000,
    // What a test waits for, it waits for: a second, the default, is not enough on a busy machine.
    expect: { poll: { timeout: 30_000 } },
    // One race in 1,700 tests must not refuse a submission; the end of the run names each test that needed it.
    retry: process.env.CI ? 1 : 0,
    hookTimeout: 180_000,
  },
});
