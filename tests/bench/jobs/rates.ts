/**
 * How many empty jobs a second workers do. All jobs are added before the workers start. Each opponent runs
 * with its default settings and with tuned ones.
 */
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { rounds } from "../lib/target.ts";
import { type Queue, until } from "./queue.ts";

/** How many jobs to measure with each setting: about as many as a small machine does in a second. */
const sizes: Record<string, number> = { default: 600, tuned: 4_000 };

export async function rateOf(
  queue: Queue,
  workers: number,
  way: string,
  count: number,
): Promise<number> {
  for (let n = 0; n < count; n += 100)
    await queue.addMany(Array.from({ length: Math.min(100, count - n) }, (_, k) => ({ n: n + k })));
  let done = 0;
  // The time is counted from the first job on, so that it does not include the opening of connections.
  let began = 0;
  const onJob = () => {
    if (done++ === 0) began = performance.now();
    if (done === count) ended = performance.now();
  };
  let ended = 0;
  const stop = await queue.start(workers, workers > 1 ? 10 : 24, onJob, way);
  await until(() => done >= count, `${queue.name} (${way})`);
  if (queue.settle) {
    await queue.settle();
    ended = performance.now();
  }
  const ms = ended - began;
  await stop();
  return (count / ms) * 1_000;
}

export async function measureRates(queues: Queue[], workers: number): Promise<void> {
  const rates = new Map<string, number[]>();
  for (let round = 0; round < rounds(5, 2); round++)
    for (const queue of round % 2 ? queues.toReversed() : queues) {
      if (workers > (queue.most ?? workers)) continue;
      for (const way of queue.ways) {
        const count = queue.name === "mayfly" ? 4_000 : (sizes[way] ?? 600);
        const rate = await rateOf(queue, workers, way, count);
        const name = `${queue.name}, ${way}`;
        if (process.env.DEBUG) console.log(name, rate);
        rates.set(name, [...(rates.get(name) ?? []), rate]);
      }
    }
  const own = rates.get("mayfly, default") ?? [];
  for (const [name, theirs] of rates) {
    if (name === "mayfly, default") continue;
    const ratio = quartiles(own.map((rate, n) => rate / (theirs[n] ?? Number.NaN)));
    report({
      bench: "jobs",
      name: `empty jobs, ${workers} worker${workers > 1 ? "s" : ""}`,
      on: "postgres",
      unit: "jobs/s",
      ours: quartiles(own).median,
      against: name,
      baseline: quartiles(theirs).median,
      ratio: ratio.median,
      spread: [ratio.q1, ratio.q3],
    });
  }
}
