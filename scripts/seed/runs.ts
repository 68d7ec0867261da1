/** Runs of an agent with a scripted model: one that has ended, and one that waits for an approval. */
import { defineAgent, runAgents, tool } from "@mayfly/sdk";
import { z } from "zod";
import { standIn } from "../../examples/stand-in.ts";
import { agentOf, done, type Room } from "./world.ts";

const analyst = defineAgent({
  name: "analyst",
  model: standIn(({ question, results }) => {
    const [order, refund] = results;
    if (!order) return { tool: "order", input: { id: Number(/\d+/.exec(question)) } };
    if (!question.startsWith("Refund")) return "The parcel was lost in Hanover on 23 November.";
    if (!refund) return { tool: "refund", input: { order: 18, amount: 40 } };
    return "Order 18 was refunded.";
  }),
  instructions: "You answer questions about orders. Look the order up first, and say where it is.",
  tools: {
    order: tool({
      description: "Looks an order up.",
      input: z.object({ id: z.number() }),
      risk: "read",
      run: ({ id }) => ({ id, status: "lost", last_seen: "Hanover", at: "2026-11-23" }),
    }),
    refund: tool({
      description: "Refunds an order.",
      input: z.object({ order: z.number(), amount: z.number().max(50) }),
      risk: "money",
      approval: "always",
      run: ({ order, amount }) => ({ order, refunded: amount }),
    }),
  },
  memory: { recall: 3 },
  budget: { usd: 0.5, tokens: 20_000 },
});

export const runs: Room = async (world) => {
  const { mayfly } = world;
  const work = await done(agentOf(world, "barbara").work(runAgents(analyst)));
  const ended = await done(
    mayfly.runs.start(analyst, "Where is order 17?", { attributes: { order: 17 } }),
  );
  await done(ended.result());
  await done(mayfly.runs.start(analyst, "Refund order 18."));
  let asked = 0;
  // When this finds the approval, the run may not wait yet, because the worker asks for the approval
  // first. `stop` lets the worker finish.
  while (asked === 0) asked = (await done(mayfly.approvals.list({ category: "money" }))).length;
  await work.stop();
  return ["2 runs of a scripted model: one has ended, one waits for an approval of $40"];
};
