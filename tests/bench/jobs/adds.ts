/**
 * How many jobs a second one caller can add, with one job or a hundred jobs in each call. Each call waits for
 * the answer to the call before.
 */
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { rounds } from "../lib/target.ts";
import type { Queue } from "./queue.ts";

const ways = {
  "added one at a time": async (queue: Queue) => {
    for (let n = 0; n < 50; n++) await queue.addOne({ n });
    return 50;
  },
  "added by the hundred": async (queue: Queue) => {
    const inputs = Array.from({ length: 100 }, (_, n) => ({ n }));
    for (let n = 0; n < 5; n++) await queue.addMany(inputs);
    return 500;
  },
};

export async function measureAdds(queues: Queue[]): Promise<void> {
  for (const [way, add] of Object.entries(ways)) {
    const rates = new Map<string, number[]>();
    // The first round is not counted, because it includes the planning of statements.
    for (let round = 0; round <= rounds(7, 3); round++)
      for (const queue of round % 2 ? queues.toReversed() : queues) {
        const began = performance.now();
        const rate = ((await add(queue)) / (performance.now() - began)) * 1_000;
        if (round > 0) rates.set(queue.name, [...(rates.get(queue.name) ?? []), rate]);
      }
    const own = rates.get("mayfly") ?? [];
    for (const [against, theirs] of rates) {
      if (against === "mayfly") continue;
      const ratio = quartiles(own.map((rate, n) => rate / (theirs[n] ?? Number.NaN)));
      report({
        bench: "jobs",
        name: way,
        on: "postgres",
        unit: "jobs/s",
        ours: quartiles(own).median,
        against,
        baseline: quartiles(theirs).median,
        ratio: ratio.median,
        spread: [ratio.q1, ratio.q3],
      });
    }
  }
}
