/** A process with two agents that run workflows until it is killed: see workflows.chaos.ts. */
import { appendFileSync } from "node:fs";
import { Mayfly } from "@mayfly/sdk";
import { handlersWith } from "./workflow-kinds.ts";

const [url = "", key = "", tenant = "", file = ""] = process.argv.slice(2);
const mayfly = new Mayfly({ url, key, tenant });
// This is the effect of the step. A worker that dies after this line has not recorded the step.
const handlers = handlersWith((key, attempt) => appendFileSync(file, `${key} ${attempt}\n`));

async function live(): Promise<never> {
  for (;;) {
    const { data: agent, error } = await mayfly.spawn({
      lifetime: 300,
      scopes: ["job:read", "job:add", "job:work", "approval:read", "approval:request"],
    });
    if (error?.code === "unavailable" || error?.code === "rate_limited") continue;
    if (error) throw error;
    const { data: work } = await agent.work(handlers, {
      lease: 3,
      pollMs: 200,
      concurrency: 4,
      onError: () => {},
    });
    await work?.ended;
  }
}

await Promise.all(Array.from({ length: 2 }, live));
