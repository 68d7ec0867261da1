/** The order of the test files: the longest first, so that none runs alone at the end. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that took longer than a minute on a busy machine, the longest first. But the very first file builds
 * what other tests in its folder wait for. It does no harm if the list misses a new file, or names one that
 * no longer exists.
 */
const longest = [
  "tests/package/packages.test.ts",
  "tests/harness/setup.test.ts",
  "tests/invariants/lies.test.ts",
  "tests/docs/docs.test.ts",
  "tests/examples/demo.test.ts",
  "tests/local/process.test.ts",
  "tests/upgrade/push.test.ts",
  "tests/invariants/isolation-functions.test.ts",
  "tests/cli/commands.test.ts",
  "tests/package/package.test.ts",
  "tests/package/deployed.test.ts",
  "tests/package/templates.test.ts",
  "tests/console/work.test.ts",
  "tests/console/state.test.ts",
  "tests/console/runs.test.ts",
  "tests/upgrade/old-clients.test.ts",
  "tests/cli/supabase.test.ts",
  "tests/cli/import.test.ts",
  "tests/examples/programs.test.ts",
  "tests/cli/init.test.ts",
  "tests/console/watch.test.ts",
  "tests/cli/doctor.test.ts",
  "tests/console/hostile.test.ts",
  "tests/local/db/folder.test.ts",
  "tests/invariants/estimates.test.ts",
  "tests/cli/uninstall.test.ts",
  "tests/link/postgres-answers.test.ts",
  "tests/adapters/react.test.ts",
  "tests/console/live.test.ts",
  "tests/cli/codemod.test.ts",
  "tests/console/memory.test.ts",
  "tests/examples/facts.test.ts",
  "tests/package/clients.test.ts",
  "tests/releases/release-command.test.ts",
  "tests/invariants/security/injection_sql.test.ts",
  "tests/invariants/lies-cli.test.ts",
  "tests/upgrade/upgrade.test.ts",
  "tests/invariants/security/door_http.test.ts",
  "tests/runs/local.test.ts",
  "tests/cli/tail.test.ts",
  "tests/console/workflows.test.ts",
  "tests/adapters/mcp-conformance.test.ts",
  "tests/package/runtimes.test.ts",
  "tests/examples/jobs.test.ts",
  "tests/examples/workflows.test.ts",
  "tests/workflows/cli.test.ts",
  "tests/browser/studio.test.ts",
  "tests/state/races.test.ts",
  "tests/state/update-postgres.test.ts",
  "tests/jobs/cli.test.ts",
  "tests/console/shell.test.ts",
  "tests/package/testing.test.ts",
  "tests/invariants/isolation.test.ts",
  "tests/releases/releases.test.ts",
  "tests/functions/bad_input.test.ts",
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
