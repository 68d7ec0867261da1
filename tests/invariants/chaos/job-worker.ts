/** A process with four agents that do jobs until it is killed: see jobs.chaos.ts. */
import { appendFileSync } from "node:fs";
import { type HeldJob, Mayfly } from "@mayfly/sdk";

const [url = "", key = "", tenant = "", file = ""] = process.argv.slice(2);
const mayfly = new Mayfly({ url, key, tenant });
async function live(): Promise<never> {
  for (;;) {
    const { data: agent, error } = await mayfly.spawn({ lifetime: 300 });
    if (error?.code === "unavailable" || error?.code === "rate_limited") {
      // Without this pause, 16 workers that call a missing server kept the machine so busy that the server
      // did not start.
      await new Promise((resolve) => setTimeout(resolve, 200));
      continue;
    }
    if (error) throw error;
    const { data: work } = await agent.work(
      {
        build: async (_: unknown, job: HeldJob) => {
          for (const name of ["one", "two", "three"])
            await job.step(name, ({ idempotencyKey, attempt }) => {
              // This is the effect of the step. A worker that dies after this line has not recorded the step.
              appendFileSync(file, `${idempotencyKey} ${attempt}\n`);
              return name;
            });
          return "built";
        },
        held: () => "let go",
        poison: () => process.kill(process.pid, "SIGKILL"),
      },
      { lease: 3, pollMs: 200, concurrency: 2, onError: () => {} },
    );
    await work?.ended;
  }
}

await Promise.all(Array.from({ length: 4 }, live));
