import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { long } from "#harness/long";

const memories = 10_000;
const heapMb = 96;

let local: TestLocal;
beforeAll(async () => {
  if (long) local = await startTestLocal();
});
afterAll(() => local?.close());

it.runIf(long)(
  "an agent syncs 10,000 memories of 100 MB for the first time in a heap of 96 MB",
  async () => {
    const { tenant } = await local.enter({ max_bytes: 1_000_000_000 });
    await local.sql`
      insert into mayfly.memories (tenant_id, id, task, output, importance)
      select ${tenant}, gen_random_uuid(), 'memory ' || n, repeat('rotate the signing key ', 445), 1 + n % 10
      from generate_series(1, ${memories}) n`;
    const sdk = new URL("../../sdk/src/index.ts", import.meta.url).href;
    const script = `
      const { Mayfly } = await import(${JSON.stringify(sdk)});
      const project = ${JSON.stringify({ url: local.apiUrl, key: local.secretKey, tenant })};
      const { data: agent, error } = await new Mayfly(project).spawn({ lifetime: 900 });
      if (error) throw error;
      const tasks = new Set();
      let bytes = 0;
      const { data, error: failed } = await agent.sync({ pull: ({ memories }) => {
        for (const { task, output } of memories) {
          tasks.add(task);
          bytes += output.length;
        }
      } });
      if (failed) throw failed;
      const { cached } = agent.memory;
      await agent.stop();
      console.log(JSON.stringify({ pulled: data.pulled, tasks: tasks.size, bytes, cached }));`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      `--max-old-space-size=${heapMb}`,
      "--input-type=module",
      "--eval",
      script,
    ]);
    const got = JSON.parse(stdout);
    expect(got.tasks).toBe(memories);
    expect(got.pulled).toBeGreaterThanOrEqual(memories);
    expect(got.bytes).toBeGreaterThan(100_000_000);
    // The cache holds as much as it may, without the least important memories.
    expect(got.cached).toBeGreaterThan(500);
    expect(got.cached).toBeLessThan(memories / 2);
  },
  600_000,
);
