/** The examples of jobs, run as a person runs them, with real input. They end by themselves. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
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
  folder = await mkdtemp(join(tmpdir(), "mayfly-example-jobs-"));
  local = await startTestLocal();
  await announce(local, join(folder, ".mayfly"));
});
afterAll(async () => {
  await local?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});
const run = async (name: string, ...given: string[]) => {
  const program = join(root, `examples/jobs/${name}.ts`);
  return (await promisify(execFile)(process.execPath, [program, ...given], { cwd: folder })).stdout;
};
/** No job is left, and no agent. */
const left = async () => {
  const [row] = await local.sql`
    select (select count(*)::int from mayfly.jobs) as jobs,
      (select count(*)::int from mayfly.agents where status = 'running') as agents`;
  return row;
};

describe("the specialised workers", () => {
  it("analyse a folder of code, with a child for each file", async () => {
    const examples = join(root, "examples/jobs");
    expect(await run("code-analysis", examples)).toMatch(
      /jobs: 5 files, \d{3} lines\n( {2}nested \d+ deep: [\w-]+\.ts\n){3} {2}imported by \d: /,
    );
    expect(await left()).toEqual({ jobs: 0, agents: 0 });
  });

  it("count the licences of a lockfile, part by part", async () => {
    const said = await run("data-processing", join(root, "package-lock.json"));
    expect(said).toMatch(/package-lock\.json: \d{3,} packages\n( {2}\d+ .+\n){5}$/);
    expect(said).toContain(" MIT\n");
    const [steps] =
      await local.sql`select count(*)::int as n from mayfly.job_steps where name like 'part %'`;
    expect(steps?.n).toBeGreaterThan(1);
  });

  it("watch the health of the project, and sleep between two checks", async () => {
    expect(await run("monitoring", "3", "100ms")).toMatch(
      /^3 checks, the slowest took \d+ ms\nEvery part was healthy\.\n$/,
    );
    expect(await left()).toEqual({ jobs: 0, agents: 0 });
  });
});

describe("the job that is killed twice", () => {
  it("finishes, and repeats only what was not recorded", async () => {
    expect(await run("killed-twice", join(root, "CONTRIBUTING.md"))).toMatch(
      /^words, attempt 1\n {2}killed\nwords, attempt 2\nsentences, attempt 2\n {2}killed\nsentences, attempt 3\nlongest, attempt 3\nsucceeded in attempt 3: \{"words":\d+,"longest":"\w+","sentences":\d+\}\n$/,
    );
  });
});
