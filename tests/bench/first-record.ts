/**
 * The time from the end of an agent's spawn until a watcher of all agents gets the agent's first debug record.
 * The baseline is the time of the spawn itself, in the same round. Watcher and agent are in this process.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/first-record.ts [--quick]
 */
import type { Local } from "@mayfly/local";
import { type DebugRecord, Mayfly } from "@mayfly/sdk";
import { makeTenant } from "#harness/callers";
import { type Comparison, quartiles } from "./lib/measure.ts";
import { reportComparison } from "./lib/report.ts";
import { openStack } from "./lib/stack.ts";
import { databases, rounds, unlimited } from "./lib/target.ts";

/** Limits far above those of the Free plan. Otherwise only the Free plan's limits would be measured. */
const limits = { messagesPerSecond: 1_000_000, joinsPerSecond: 10_000 };

async function measureOn({ apiUrl: url, secretKey: key }: Local, tenant: string) {
  const watching = new Mayfly({ url, key, tenant });
  const spawning = new Mayfly({ url, key, tenant });
  const heard = new Map<string, (record: DebugRecord) => void>();
  const { error } = await watching.debug.watch({ level: 1 }, (record) =>
    heard.get(record.name)?.(record),
  );
  if (error) throw error;
  const [ours, baseline, ratio]: [number[], number[], number[]] = [[], [], []];
  // The first round warms up, and is not counted.
  for (let n = -1; n < rounds(40, 12); n++) {
    const arrived = new Promise<DebugRecord>((resolve) => heard.set(`first ${n}`, resolve));
    const began = performance.now();
    const { data: agent, error } = await spawning.spawn({ scopes: ["debug:write"] });
    if (error) throw error;
    const spawned = performance.now();
    agent.debug.task(`first ${n}`);
    await arrived;
    const took = performance.now() - spawned;
    await agent.stop();
    if (n < 0) continue;
    ours.push(took);
    baseline.push(spawned - began);
    ratio.push(took / (spawned - began));
  }
  await spawning.close();
  await watching.close();
  return {
    ours: quartiles(ours),
    baseline: quartiles(baseline),
    ratio: quartiles(ratio),
  } satisfies Comparison;
}

for (const on of databases()) {
  const { local, sql, close } = await openStack(on, limits);
  reportComparison(
    {
      bench: "first-record",
      name: "the first record, from the return of the spawn",
      on,
      against: "the spawn",
    },
    await measureOn(local, await makeTenant(sql, unlimited)),
  );
  await close();
}
