import { invalid } from "../contract/invalid.ts";
import type { Agentlike, AgentOptions, ToolDefinition } from "./types.ts";

const nameForm = /^[a-z0-9][a-z0-9_.-]{0,62}$/;
const toolForm = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/**
 * Defines an agent: its model, instructions, tools and limits. The definition is code, and only workers need
 * it. The database has only the agent's name and what its runs recorded.
 *
 * @throws `invalid_request` with the field.
 *
 * @example
 * const helper = defineAgent({ name: "helper", model: anthropic("claude-sonnet-4-5"), instructions: "Answer shortly." });
 * await agent.work(runAgents(helper));
 * const { data: run } = await mayfly.runs.start(helper, "Why did order 17 fail?");
 */
export function defineAgent<Output = string>(options: AgentOptions<Output>): Agentlike<Output> {
  const { name, model, tools = {}, maxSteps = 20, delegates = [], handOver = [] } = options;
  if (!nameForm.test(name))
    throw invalid("name", "must be lower-case letters, digits, dots or dashes");
  if ([model].flat().length === 0) throw invalid("model", "must be a model, or a chain of models");
  if (!Number.isInteger(maxSteps) || maxSteps < 1) throw invalid("maxSteps", "must be at least 1");
  const names = [
    ...Object.keys(tools),
    ...(options.memory?.tool ? ["recall"] : []),
    ...delegates.map((one) => `ask_${toolName(one.name)}`),
    ...handOver.map((one) => `hand_over_to_${toolName(one.name)}`),
  ];
  for (const tool of names)
    if (!toolForm.test(tool))
      throw invalid(`tools.${tool}`, "must have a name of letters, digits, dashes");
  if (new Set(names).size < names.length) throw invalid("tools", "must have different names");
  return Object.freeze({ name, options });
}

/** Turns an agent's name into a part of a tool's name, which allows fewer characters. @internal */
export const toolName = (agent: string) => agent.replaceAll(".", "_");

/**
 * Defines a tool. The type of its input comes from its schema.
 *
 * @example
 * import { z } from "zod";
 *
 * const refund = tool({
 *   description: "Refunds an order.",
 *   input: z.object({ order: z.number() }),
 *   risk: "money",
 *   approval: "always",
 *   run: ({ order }, { idempotencyKey }) => payments.refund(order, idempotencyKey),
 * });
 */
export const tool = <Input, Output>(
  definition: ToolDefinition<Input, Output>,
): ToolDefinition<Input, Output> => definition;
