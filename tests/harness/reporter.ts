import { readFileSync } from "node:fs";
import type { Reporter, TestModule, TestSpecification, Vitest } from "vitest/node";
import type {} from "./effort.ts";
import { missing } from "./needs.ts";

/** How many files are listed by processor time. Their sum decides how long a whole run takes. */
const listed = 20;

/**
 * Prints which suites did not run on this machine, and why. A whole run also lists the files that took the most
 * processor time, and ends with the totals: how many tests passed, failed and were skipped.
 */
export default class Summary implements Reporter {
  #vitest: Vitest | undefined;
  #asked = 0;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#asked = specifications.length;
  }

  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const all = await this.#vitest?.globTestSpecifications();
    const isWhole = this.#asked === all?.length;
    let passed = 0;
    let failed = 0;
    let skipped = 0;
    const flaky: string[] = [];
    for (const module of modules) {
      // A file that does not load has no tests, which is not a success.
      if (module.errors().length > 0) failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed++;
        else if (state === "failed") failed++;
        else skipped++;
        if (test.diagnostic()?.flaky) flaky.push(`${module.relativeModuleId} > ${test.fullName}`);
      }
    }
    const efforts = modules
      .map((module) => ({ name: module.relativeModuleId, seconds: module.meta().effort ?? 0 }))
      .sort((a, b) => b.seconds - a.seconds);
    const sum = efforts.reduce((before, { seconds }) => before + seconds, 0);
    // The chaos tests do not measure it.
    if (isWhole && sum > 0) {
      console.log(
        `Seconds of processor time: ${sum.toFixed(0)}, and without Postgres. Most of it:`,
      );
      for (const { name, seconds } of efforts.slice(0, listed))
        console.log(`${seconds.toFixed(1).padStart(7)} ${name}`);
    }
    for (const name of flaky)
      console.log(`Passed only at its second try, and has to be fixed: ${name}`);
    const sources = modules.map(({ moduleId }) => readFileSync(moduleId, "utf8"));
    for (const { need, what, how } of missing)
      if (sources.some((text) => text.includes(need)))
        console.log(`Did not run: ${what}. To have them: ${how}.`);
    // Vitest has printed them in its own words.
    if (isWhole)
      console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  }
}
