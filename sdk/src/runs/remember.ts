/** What a run recalls before its first step, and what it remembers at its end. */
import { pushAnswer } from "../contract/log.ts";
import type { HeldJob } from "../jobs/held-job.ts";
import { Memories } from "../memory/memories.ts";
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
  // A failed recall is not an empty one. The attempt fails and is retried, or the run fails if it always
  // would.
  if (error?.code === "scope_missing") throw new RunEnd("failed", error.message, error.code);
  if (error) throw error;
  const lines: string[] = [];
  const memories: { id: string; score: number }[] = [];
  let bytes = 0;
  for (const { id, score, agentName, createdAt, task, output, critique, reward } of data.results) {
    const told = { agent: agentName, at: createdAt, task, output, critique, reward };
    const line = JSON.stringify(told);
    // A token is 4 bytes, or less.
    bytes += line.length + 1;
    if (bytes > maxTokens * 4) continue;
    lines.push(line);
    memories.push({ id, score });
  }
  return { memories, text: lines.join("\n") };
}

/** Once, however often it is retried: the memory has the id of the run. */
export async function rememberOutcome(
  job: HeldJob,
  { name, memory }: AgentOptions<unknown>,
  input: unknown,
  answer: Answer | undefined,
): Promise<void> {
  const output = answer?.output;
  const reward = await memory?.judge?.({ input, output });
  const remembered = {
    id: job.id,
    kind: "task_result",
    task: textOf(input).slice(0, 2_000),
    output: textOf(output ?? null).slice(0, 100_000),
    success: true,
    tags: [`agent:${name}`],
    metadata: { run: job.id },
    ...(reward !== undefined && { reward: Math.min(1, Math.max(0, reward)) }),
  };
  const push = [{ id: job.id, type: "memory.put", memory: remembered }];
  const answered = await job.link().fn("sync", pushAnswer, { push, limit: 0 });
  if (answered.error) throw answered.error;
  const [result] = answered.data.results as { error?: { message: string } }[];
  if (result?.error) throw new Error(`What was learned was refused: ${result.error.message}`);
}
