import { type Artifact, type StreamResponse, type Task, TaskState } from "@a2a-js/sdk";
import { answerOf, textOf } from "./messages.ts";
import { hasEnded, stateOf, type Tasks } from "./tasks.ts";

/** How often to read a job. A run needs no polling, because it streams. */
const pollMs = 500;

/**
 * Streams a task until it has ended: its current state, then each new state, and its answer as the agent
 * writes it. Each call starts with the whole task, so a client that reconnects misses nothing.
 *
 * @throws `TaskNotFoundError`; the reason of `signal`.
 */
export async function* updatesOf(
  tasks: Tasks,
  id: string,
  signal?: AbortSignal,
): AsyncGenerator<StreamResponse, void, undefined> {
  let task = await tasks.read(id);
  yield { payload: { $case: "task", value: task } };
  if (hasEnded(task)) return;
  let written = "";
  if (tasks.agent.agent) {
    let part = "";
    for await (const { step, try: nth, chunk } of tasks.mayfly.runs.stream(
      id,
      signal ? { signal } : {},
    )) {
      if (stateOf(task) === TaskState.TASK_STATE_SUBMITTED) {
        task = { ...task, status: { ...working } };
        yield statusOf(task);
      }
      if (chunk.type !== "text-delta") continue;
      // Each step, and each retry of a step, starts the answer again.
      const append = part === `${step}.${nth}`;
      part = `${step}.${nth}`;
      written = append ? written + chunk.delta : String(chunk.delta);
      yield artifactOf(task, answerOf(String(chunk.delta)), append, false);
    }
  }
  for (;;) {
    signal?.throwIfAborted();
    const now = await tasks.read(id);
    if (hasEnded(now)) {
      task = now;
      break;
    }
    if (stateOf(now) !== stateOf(task)) yield statusOf(now);
    task = now;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  const [answer] = task.artifacts;
  if (answer && textOf(answer.parts[0] ?? blank) !== written)
    yield artifactOf(task, answer, false, true);
  yield statusOf(task);
}

const blank = { metadata: undefined, filename: "", mediaType: "" };
const working = {
  state: TaskState.TASK_STATE_WORKING,
  message: undefined,
  timestamp: undefined,
};

const statusOf = ({ id: taskId, contextId, status }: Task): StreamResponse => ({
  payload: { $case: "statusUpdate", value: { taskId, contextId, status, metadata: undefined } },
});

const artifactOf = (
  { id: taskId, contextId }: Task,
  artifact: Artifact,
  append: boolean,
  lastChunk: boolean,
): StreamResponse => ({
  payload: {
    $case: "artifactUpdate",
    value: { taskId, contextId, artifact, append, lastChunk, metadata: undefined },
  },
});
