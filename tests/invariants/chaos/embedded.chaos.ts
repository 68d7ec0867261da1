import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectTo, runChaos } from "./chaos.ts";
import { seed } from "./random.ts";
import { type Stack, startStack } from "./stack.ts";

let stack: Stack;
beforeAll(async () => {
  console.log(`CHAOS_SEED=${seed}`);
  stack = await startStack({
    limits: { joinErrorBackoffMs: 20, joinsPerSecond: 10_000, messagesPerSecond: 10_000 },
    faults: {
      seed,
      drop: 0.1,
      late: 0.1,
      lateMs: 500,
      reorder: 0.1,
      closeSocket: 0.05,
      expireToken: 0.02,
      refuseJoin: 0.1,
    },
  });
});
afterAll(() => stack?.close());

describe("the embedded Supabase, killed at random", () => {
  it("loses nothing that it acknowledged, repeats nothing, and lets no dead agent in", async () => {
    await runChaos({
      stack,
      seed,
      blows: 14,
      agents: 3,
      connect: () => connectTo(stack.serving.dbUrl.replace("//postgres:", "//supabase_admin:")),
      strikes: [
        { name: "nothing", weight: 2, strike: async () => {} },
        {
          name: "an agent",
          weight: 4,
          strike: ({ load, random }) => load.killOne(random.between(0, 2)),
        },
        { name: "the functions", weight: 2, strike: () => stack.killFunctions() },
        {
          name: "everything: database, Data API, Realtime, functions",
          weight: 2,
          strike: async () => {
            await stack.kill();
            await stack.start();
          },
        },
      ],
    });
    expect(stack.output()).not.toContain('"level":"fatal"');
  });
});
