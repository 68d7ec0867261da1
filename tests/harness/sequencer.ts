/** The order of the files: the longest first, so that none of them is left alone at the end of a run. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Those that took longer than half a minute, in order. A file that is gone, or a new one, does no harm. */
const longest = [
  "tests/examples/demo.test.ts",
  "tests/package/templates.test.ts",
  "tests/package/packages.test.ts",
  "tests/docs/docs.test.ts",
  "tests/harness/setup.test.ts",
  "tests/package/package.test.ts",
  "tests/upgrade/push.test.ts",
  "tests/upgrade/old-clients.test.ts",
  "tests/invariants/lies-cli.test.ts",
  "tests/invariants/lies-background.test.ts",
  "tests/invariants/lies.test.ts",
  "tests/upgrade/upgrade.test.ts",
  "tests/local/process.test.ts",
  "tests/local/api/auth-calls.test.ts",
  "tests/functions/embeddings.test.ts",
  "tests/runs/crashes.test.ts",
  "tests/invariants/estimates.test.ts",
  "tests/cli/doctor.test.ts",
  "tests/cli/commands.test.ts",
  "tests/cli/init.test.ts",
  "tests/invariants/security/door_http.test.ts",
  "tests/browser/studio.test.ts",
  "tests/log/watch.test.ts",
  "tests/releases/release-command.test.ts",
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
