/** The agent that is measured: it streams five answers of the model. The first four call a tool. */
import { defineAgent, tool } from "@mayfly/sdk";
import { z } from "zod";
import { type Claims, makeAgent, makeTenant, rpc, type Sql } from "#harness/callers";
import { scriptedModel } from "../../runs/running.ts";
import { unlimited } from "../lib/target.ts";

export const turns = 5;
const words = Array.from({ length: 40 }, (_, n) => `word${n} `).join("");

/**
 * @param last the number of the step in which the model answers. In the steps before, the model calls the
 * tool.
 */
export const modelUntil = (last: number, onCall: (step: number) => unknown = () => {}) =>
  scriptedModel(async (step) => {
    await onCall(step);
    return step < last
      ? { text: words, calls: [{ tool: "look", input: { step } }] }
      : `${words}That is all.`;
  });

export const look = {
  description: "Looks.",
  input: z.object({ step: z.number() }),
  run: ({ step }: { step: number }) => ({ seen: step }),
};

export const agentOf = (model: ReturnType<typeof modelUntil>, maxSteps = 20) =>
  defineAgent({
    name: "measured",
    model,
    tools: { look: tool({ ...look, risk: "read" }) },
    maxSteps,
  });

export async function makeMeasured(sql: Sql): Promise<{ tenant: string; claims: Claims }> {
  const tenant = await makeTenant(sql, unlimited);
  const { claims } = await makeAgent(sql, tenant, {
    lifetime: 3_600,
    scopes: ["job:read", "job:add", "job:work", "run:read", "run:write", "cost:read", "cost:write"],
  });
  return { tenant, claims };
}

export const startRun = (sql: Sql, claims: Claims, steps = 20) =>
  rpc<{ id: string }>(sql, claims, "start_run", {
    agent: "measured",
    input: '"Go."',
    limits: { steps } as never,
  });
