import { join } from "node:path";
import { configDefaults, defineConfig } from "vitest/config";
import LongestFirst from "./tests/harness/sequencer.ts";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/harness/setup.ts"],
    setupFiles: ["tests/harness/seed.ts", "tests/harness/outcome-setup.ts"],
    // With --watch, a change in these files reruns everything, because every test's database is made from them.
    forceRerunTriggers: [...configDefaults.forceRerunTriggers, "**/sql/**/*.sql"],
    // For the processes that tests start. A short process would spend half of its time on compiling the sources.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/node") },
    reporters: ["default", "./tests/harness/reporter.ts"],
    sequence: { sequencer: LongestFirst },
    // One process runs many files, because starting a process and loading the SDK took half a second for each file.
    isolate: false,
    // The gate has two cores, but tests spend most of their time waiting for timers, processes and commits. One after
    // the other, 115 files took 900 s, and only 240 s of that was CPU time. Each worker takes up to 1 GB.
    maxWorkers: 5,
    // A test's database lives for seconds, so its WebAssembly is not optimized. That took a quarter of all CPU time.
    execArgv: ["--liftoff-only"],
    // On an idle machine, no test takes so long. If the machine also builds something, tests are slow, not broken.
    testTimeout: 180_000,
    // The default, one second, is not enough on a busy machine.
    expect: { poll: { timeout: 30_000 } },
    // One race in 1,700 tests must not refuse a submission. The end of the run names each test that was retried.
    retry: process.env.CI ? 1 : 0,
    hookTimeout: 180_000,
  },
});
