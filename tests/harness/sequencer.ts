/** The order of the files: the longest first, so that none of them is left alone at the end of a run. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Those that took longer than half a minute, in order. A file that is gone, or a new one, does no harm. */
const longest = [
  "tests/invariants/lies-cli.test.ts",
  "tests/invariants/lies-background.test.ts",
  "tests/invariants/lies.test.ts",
  "tests/examples/demo.test.ts",
  "tests/docs/docs.test.ts",
  "tests/package/package.test.ts",
  "tests/package/packages.test.ts",
  "tests/upgrade/old-clients.test.ts",
  "tests/log/losses.test.ts",
  "tests/local/process.test.ts",
  "tests/functions/embeddings.test.ts",
  "tests/local/api/auth-calls.test.ts",
  "tests/cli/doctor.test.ts",
  "tests/cli/commands.test.ts",
  "tests/messages/redelivery.test.ts",
  "tests/agents/close.test.ts",
  "tests/jobs/races.test.ts",
  "tests/log/faults.test.ts",
];

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ moduleId }: TestSpecification) => {
      const at = longest.findIndex((path) => moduleId.endsWith(`/${path}`));
      return at === -1 ? longest.length : at;
    };
    return sorted.sort((a, b) => place(a) - place(b));
  }
}
