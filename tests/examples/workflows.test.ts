/** The examples of workflows, run as a person runs them, with real input. They end by themselves. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { announce } from "./announced.ts";

const root = join(import.meta.dirname, "../..");
let local: TestLocal;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-example-workflows-"));
  local = await startTestLocal();
  await announce(local, join(folder, ".mayfly"));
});
afterAll(async () => {
  await local?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});
const run = async (name: string, ...given: string[]) => {
  const program = join(root, `examples/workflows/${name}.ts`);
  return (await promisify(execFile)(process.execPath, [program, ...given], { cwd: folder })).stdout;
};
/** No job is left, and no agent. */
const left = async () => {
  const [row] = await local.sql`
    select (select count(*)::int from mayfly.jobs) as jobs,
      (select count(*)::int from mayfly.agents where status = 'running') as agents`;
  return row;
};

/** Runs an example, with these lines as answers at its terminal. */
const answer = async (name: string, lines: string[], ...given: string[]) => {
  const program = join(root, `examples/workflows/${name}.ts`);
  const work = promisify(execFile)(process.execPath, [program, ...given], { cwd: folder });
  work.child.stdin?.end(`${lines.join("\n")}\n`);
  return (await work).stdout;
};

describe("the supervised release", () => {
  it("publishes what was approved or changed, and nothing that was rejected", async () => {
    const of = await mkdtemp(join(folder, "release-"));
    await writeFile(join(of, "package.json"), '{ "version": "1.2.0" }');
    await writeFile(
      join(of, "CHANGELOG.md"),
      "# Changes\n\n## 1.2.0\n\nFaster.\n\n## 1.1.0\n\nFirst.\n",
    );
    const said = await answer("release", ["v 1.2.1", "y"], of);
    expect(said).toMatch(
      /Are these the notes\?[\s\S]*Faster[\s\S]*Publish 1\.2\.1\?[\s\S]*Published: .*1\.2\.1\.md/,
    );
    const published = await readFile(join(of, ".mayfly/releases/1.2.1.md"), "utf8");
    expect(published).toMatch(
      /^# 1\.2\.1\n\n1\.2\.0\n\nFaster\.\n\n[0-9a-f]{64} {2}package\.json\n/,
    );
    expect(await answer("release", ["y", "Not on a Friday."], of)).toContain(
      'Not published. "Publish 1.2.0?" was rejected: Not on a Friday.',
    );
    await expect(readFile(join(of, ".mayfly/releases/1.2.0.md"))).rejects.toThrow("ENOENT");
    expect(await left()).toEqual({ jobs: 0, agents: 0 });
  });
});

describe("the specialised workers", () => {
  it("coordinate a review by capability, and give failed parts to others", async () => {
    const of = await mkdtemp(join(folder, "review-"));
    await writeFile(join(of, "one.ts"), "await a();\nawait b();\n");
    await writeFile(join(of, "two.md"), "Short. This one is a longer sentence.\n");
    await writeFile(join(of, "three.json"), '{ "a": 1, "b": 2 }');
    await writeFile(join(of, "four.json"), "// no JSON");
    const said = await run("coordination", of);
    expect(said).toContain("  one.ts: 2 awaits in 3 lines\n");
    expect(said).toContain("  two.md: 2 sentences, the longest of 6 words\n");
    expect(said).toContain("  three.json: 2 keys\n");
    expect(said).toContain("  four.json: 10 characters, which data could not read\n");
    expect(await left()).toEqual({ jobs: 0, agents: 0 });
  });

  it("learn from what others did, and a newcomer recalls it", async () => {
    expect(await run("learning", root)).toMatch(
      /compress:md: brotli is best, of \d+ tries[\s\S]*\d lessons remembered\nA newcomer recalls: brotli: the best of/,
    );
    expect(await left()).toEqual({ jobs: 0, agents: 0 });
  });
});

describe("the workflow that is killed at random", () => {
  it("counts every word once, whenever its workers die", async () => {
    const said = await run("killed-at-random", join(root, "CONTRIBUTING.md"), "3", `${Date.now()}`);
    const [, result, account, file] =
      /succeeded: (\d+) words; the account has (\d+) in 40 parts; the file has (\d+)\./.exec(
        said,
      ) ?? [];
    expect([result, account], said).toEqual([file, file]);
    expect(said).toContain("killed 3\n");
    expect(await left()).toEqual({ jobs: 0, agents: 0 });
  });
});
