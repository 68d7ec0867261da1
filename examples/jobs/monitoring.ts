// A specialised worker: monitoring. It checks the health of the local Supabase a few times. Between
// two checks, the job sleeps as a row in the database. So the worker is free for other jobs, and no
// check is lost if the process dies.
import type { HeldJob } from "@mayfly/sdk";
import { readArguments, wholeOf } from "../arguments.ts";
import { openProject, resultOf } from "./project.ts";

interface Look {
  ms: number;
  /** The parts that are not healthy. */
  ill: string[];
}

interface Health {
  parts: Record<string, { state: string }>;
}

const [given = "3", every = "1s"] = readArguments("[checks] [pause]").words;
const checks = wholeOf("checks", given, 1, 1_000);
const { mayfly, url } = await openProject();
const { data: monitor, error } = await mayfly.spawn({ type: "monitor", lifetime: 300 });
if (error) throw error;
const { error: idle } = await monitor.work(
  {
    monitor: async (input: { url: string; looks: number; every: string }, job: HeldJob) => {
      const looks: Look[] = [];
      for (let n = 1; n <= input.looks; n++) {
        if (n > 1) await job.sleep(input.every);
        looks.push(await job.step(`look ${n}`, () => look(input.url)));
      }
      return looks;
    },
  },
  { pollMs: 250 },
);
if (idle) throw idle;

const seen = await resultOf<Look[]>(mayfly, "monitor", { url, looks: checks, every });
const slowest = Math.max(...seen.map(({ ms }) => ms));
const ill = new Set(seen.flatMap((one) => one.ill));
console.log(`${seen.length} checks, the slowest took ${slowest} ms`);
console.log(ill.size === 0 ? "Every part was healthy." : `Not healthy: ${[...ill].join(", ")}`);
await mayfly.close({ stopAgents: true });

async function look(url: string): Promise<Look> {
  const begun = performance.now();
  const { parts } = (await (await fetch(`${url}/health`)).json()) as Health;
  const ms = Math.round(performance.now() - begun);
  const ill = Object.entries(parts).filter(([, { state }]) => state !== "ok");
  return { ms, ill: ill.map(([name]) => name) };
}
