/** The process of a worker, which crashes.test.ts kills. */
import { appendFileSync } from "node:fs";
import { type HeldJob, Mayfly } from "@mayfly/sdk";

const [url = "", key = "", tenant = "", file = "", dies = ""] = process.argv.slice(2);
const mayfly = new Mayfly({ url, key, tenant });
const { data: agent, error } = await mayfly.spawn({ lifetime: 300 });
if (error) throw error;
await agent.work(
  {
    build: async (_: unknown, job: HeldJob) => {
      for (const name of ["one", "two", "three"])
        await job.step(name, async ({ idempotencyKey }) => {
          // The effect has happened, and the worker dies before it is recorded.
          appendFileSync(file, `${idempotencyKey}\n`);
          if (name === dies) process.kill(process.pid, "SIGKILL");
          return name;
        });
      return "built";
    },
  },
  { lease: 3, pollMs: 200 },
);
