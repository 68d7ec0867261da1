/** A process with two agents that do runs until it is killed: see runs.chaos.ts. */
import { appendFileSync } from "node:fs";
// Loaded before the first run is claimed, so that a run is killed while it works, and not while it waits for this.
import "ai";
import { Mayfly } from "@mayfly/sdk";
import { handlersWith } from "./run-kinds.ts";

const [url = "", key = "", tenant = "", file = ""] = process.argv.slice(2);
const mayfly = new Mayfly({ url, key, tenant });
const handlers = handlersWith({
  pay: (run, step) => appendFileSync(file, `paid ${run}/${step} ${Date.now()}\n`),
  effect: (key, attempt) => appendFileSync(file, `effect ${key} ${attempt}\n`),
});

async function live(): Promise<never> {
  for (;;) {
    const { data: agent, error } = await mayfly.spawn({
      lifetime: 300,
      scopes: ["job:read", "job:work", "run:read", "cost:write", "approval:request"],
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
