/**
 * The time from the call that adds a job until the handler of a sleeping worker gets the job. The worker
 * sleeps because it has recorded the end of the job before, and has then found no other job.
 */
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { rounds } from "../lib/target.ts";
import { type Input, type Queue, until } from "./queue.ts";

const restMs = 50;
const rest = () => new Promise((resolve) => setTimeout(resolve, restMs));

export async function measureStarts(queues: Queue[]): Promise<void> {
  const waits = new Map<string, number[]>();
  for (const queue of queues) {
    const own: number[] = [];
    const handle = ({ at }: Input) => void (at && own.push(performance.now() - at));
    const stop = await queue.start(1, 10, handle, "default");
    // The first jobs are left out, because they include the opening of connections and the planning of
    // statements.
    for (let n = 0; n < rounds(105, 45); n++) {
      await queue.addOne({ n, at: performance.now() });
      await until(() => own.length > n, queue.name, 10_000);
      await rest();
    }
    await stop();
    waits.set(queue.name, own.slice(5));
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const p99 = (values: number[]) =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;
  const own = waits.get("mayfly") ?? [];
  for (const [against, theirs] of waits) {
    if (against === "mayfly") continue;
    for (const [name, of] of [
      ["mean", mean],
      ["median", (values: number[]) => quartiles(values).median],
      ["p99", p99],
    ] as const)
      report({
        bench: "jobs",
        name: `from add to start, ${name}`,
        on: "postgres",
        unit: "ms",
        ours: of(own),
        against,
        baseline: of(theirs),
        ratio: of(own) / of(theirs),
      });
  }
}
