/**
 * A worker is killed with kill -9 after the effect of a step and before the step is recorded, on the embedded
 * Supabase.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let folder: string;
beforeAll(async () => {
  local = await startTestLocal();
  folder = await mkdtemp(join(tmpdir(), "mayfly-jobs-"));
});
afterAll(async () => {
  await local?.close();
  await rm(folder, { recursive: true, force: true });
});

describe("a job that loses its worker twice", () => {
  it("finishes with each step recorded once, and repeats unrecorded steps with the same key", async () => {
    const { tenant, mayfly } = await local.enter();
    const file = join(folder, "effects");
    const start = (dies = "") =>
      spawn(
        process.execPath,
        [
          join(import.meta.dirname, "killed-worker.ts"),
          local.apiUrl,
          local.secretKey,
          tenant,
          file,
          dies,
        ],
        { stdio: ["ignore", "ignore", "inherit"] },
      );
    const { id } = dataOf(await mayfly.jobs.add("build", {}, { maxAttempts: 6 }));
    const endings: unknown[] = [];
    for (const step of ["one", "two"]) {
      const [, signal] = await once(start(step), "exit");
      endings.push(signal);
      // The worker is gone, and its lease has ended.
      await local.advance("4 seconds");
    }
    expect(endings).toEqual(["SIGKILL", "SIGKILL"]);
    const last = start();
    const job = dataOf(await mayfly.jobs.ended(id, { timeoutMs: 60_000 }));
    last.kill("SIGKILL");
    expect(job).toMatchObject({ status: "succeeded", result: "built" });
    // There are more than two attempts if a worker died during a claim, and the claim succeeded after that.
    expect(job.attempts.length).toBeGreaterThanOrEqual(2);
    expect(new Set(job.attempts.map(({ error }) => error.code))).toEqual(new Set(["lease_ended"]));
    expect(job.steps.map(({ name }) => name).sort()).toEqual(["one", "three", "two"]);
    const effects = (await readFile(file, "utf8")).trim().split("\n");
    expect(effects).toEqual(["one", "one", "two", "two", "three"].map((name) => `${id}/${name}`));
    await mayfly.close();
  });
});
