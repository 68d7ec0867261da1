/** A worker that is killed between the effect of a step and its record: kill -9, on the embedded Supabase. */
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

describe("a job whose worker is killed twice", () => {
  it("finishes: each step is recorded once, and what could not be recorded ran again with its key", async () => {
    const { tenant, mayfly } = await local.enter();
    const file = join(folder, "effects");
    const start = () =>
      spawn(
        process.execPath,
        [
          join(import.meta.dirname, "killed-worker.ts"),
          local.apiUrl,
          local.secretKey,
          tenant,
          file,
        ],
        { stdio: ["ignore", "ignore", "inherit"] },
      );
    const { id } = dataOf(await mayfly.jobs.add("build"));
    const endings: unknown[] = [];
    for (let n = 0; n < 2; n++) {
      const [, signal] = await once(start(), "exit");
      endings.push(signal);
      // Nobody hears of it again: its lease is over.
      await local.sql`update mayfly.jobs set lease_end = clock_timestamp() where id = ${id}`;
      await local.sql`update mayfly_private.job_ticks set reaped_at = '-infinity'`;
    }
    expect(endings).toEqual(["SIGKILL", "SIGKILL"]);
    const last = start();
    const job = dataOf(await mayfly.jobs.ended(id, { timeoutMs: 60_000 }));
    last.kill("SIGKILL");
    expect(job).toMatchObject({ status: "succeeded", result: "built", attempt: 3 });
    expect(job.attempts.map(({ error }) => error.code)).toEqual(["lease_ended", "lease_ended"]);
    expect(job.steps.map(({ name, attempt }) => `${name} ${attempt}`).sort()).toEqual([
      "one 2",
      "three 3",
      "two 3",
    ]);
    const effects = (await readFile(file, "utf8")).trim().split("\n");
    expect(effects).toEqual([
      `${id}/one 1`,
      `${id}/one 2`,
      `${id}/two 2`,
      `${id}/two 3`,
      `${id}/three 3`,
    ]);
    await mayfly.close();
  });
});
