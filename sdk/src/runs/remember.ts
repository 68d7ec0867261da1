/** What a run recalls before its first step, and what it remembers at its end. */
import type { HeldJob } from "../jobs/held-job.ts";
import { memoryLines } from "../memory/mark-as-data.ts";
import { Memories } from "../memory/memories.ts";
import { pushOperations } from "../outbox/sync-call.ts";
import { RunEnd } from "./failures.ts";
import type { Answer } from "./output.ts";
import type { AgentOptions } from "./types.ts";

const textOf = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

/**
 * The best memories for an input, as lines of JSON within the budget.
 *
 * @throws the error.
 */
export async function recallFor(job: HeldJob, input: unknown, limit: number, maxTokens = 2_000) {
  const query = textOf(input).slice(0, 10_000);
  if (query.trim() === "") return { memories: [], text: "" };
  const { data, error } = await new Memories(job.link()).recall(query, { limit });
  // A failed recall is not an empty one. The attempt fails and is retried, or the run fails if a
  // retry cannot help.
  if (error?.code === "scope_missing") throw new RunEnd("failed", error.message, error.code);
  if (error) throw error;
  const { lines, included } = memoryLines(data.results, maxTokens);
  return { memories: included.map(({ id, score }) => ({ id, score })), text: lines };
}

/** Stores the outcome as a memory. It has the id of the run, so a retry does not store it twice. */
export async function rememberOutcome(
  job: HeldJob,
  { name, memory }: AgentOptions<unknown>,
  input: unknown,
  answer: Answer | undefined,
): Promise<void> {
  const output = answer?.output;
  const reward = await memory?.judge?.({ input, output });
  const body = {
    kind: "task_result" as const,
    task: textOf(input).slice(0, 2_000),
    output: textOf(output ?? null).slice(0, 100_000),
    success: true,
    tags: [`agent:${name}`],
    metadata: { run: job.id },
    ...(reward !== undefined && { reward: Math.min(1, Math.max(0, reward)) }),
  };
  const put = { id: job.id, type: "memory.put" as const, subject: job.id, body };
  const { error } = await pushOperations(job.link(), [put]);
  if (error) throw error;
}
