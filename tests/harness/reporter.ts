import type { Reporter, TestModule } from "vitest/node";
import { missing } from "./needs.ts";

/** Says what did not run here and why, and closes with the numbers. */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    let passed = 0;
    let failed = 0;
    let skipped = 0;
    const flaky: string[] = [];
    for (const module of modules) {
      // A file that does not load has no tests, and is no success.
      if (module.errors().length > 0) failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed++;
        else if (state === "failed") failed++;
        else skipped++;
        if (test.diagnostic()?.flaky) flaky.push(`${module.relativeModuleId} > ${test.fullName}`);
      }
    }
    for (const name of flaky)
      console.log(`Passed only at its second try, and has to be fixed: ${name}`);
    for (const { what, how } of missing) console.log(`Did not run: ${what}. To have them: ${how}.`);
    console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  }
}
