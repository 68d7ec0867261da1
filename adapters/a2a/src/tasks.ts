import { Task, TaskState } from "@a2a-js/sdk";
import { TaskNotFoundError } from "@a2a-js/sdk/errors";
import type { JobInfo, JobStatus, Mayfly, RunStatus } from "@mayfly/sdk";
import { type A2AAgent, jobNameOf } from "./agents.ts";
import { dataOf } from "./errors.ts";
import { type Asked, answerOf, messageOf, saidBy } from "./messages.ts";

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/**
 * The key of the job behind a task contains the task's context and message. If the job is a run, its key
 * begins with `run/`.
 */
const keyForm = /^(?:run\/)?a2a\/([^/]+)\/([^/]+)$/;

const states: Record<JobStatus | RunStatus, TaskState> = {
  scheduled: TaskState.TASK_STATE_SUBMITTED,
  ready: TaskState.TASK_STATE_SUBMITTED,
  queued: TaskState.TASK_STATE_SUBMITTED,
  running: TaskState.TASK_STATE_WORKING,
  waiting: TaskState.TASK_STATE_WORKING,
  paused: TaskState.TASK_STATE_WORKING,
  succeeded: TaskState.TASK_STATE_COMPLETED,
  cancelled: TaskState.TASK_STATE_CANCELED,
  failed: TaskState.TASK_STATE_FAILED,
  max_steps: TaskState.TASK_STATE_FAILED,
  max_time: TaskState.TASK_STATE_FAILED,
  max_tokens: TaskState.TASK_STATE_FAILED,
  max_cost: TaskState.TASK_STATE_FAILED,
};
const jobStatuses: JobStatus[] = [
  ...(["scheduled", "ready", "running", "waiting"] as const),
  ...(["succeeded", "failed", "cancelled"] as const),
];

export const stateOf = ({ status }: Task): TaskState =>
  status?.state ?? TaskState.TASK_STATE_UNSPECIFIED;
export const hasEnded = (task: Task): boolean =>
  stateOf(task) !== TaskState.TASK_STATE_SUBMITTED &&
  stateOf(task) !== TaskState.TASK_STATE_WORKING;

/**
 * The tasks of one agent: the runs or jobs of the tenant that the caller may see. Tasks are not stored
 * anywhere else, so any server can continue with a task.
 */
export class Tasks {
  readonly agent: A2AAgent;
  readonly mayfly: Mayfly;

  constructor(mayfly: Mayfly, agent: A2AAgent) {
    this.mayfly = mayfly;
    this.agent = agent;
  }

  /** Starts a task. The same message in the same context starts only one task. */
  async start({ messageId, contextId, input }: Asked): Promise<string> {
    const { agent, job } = this.agent;
    const key = `a2a/${contextId}/${messageId}`;
    const started = agent
      ? await this.mayfly.runs.start(agent, input, { key })
      : await this.mayfly.jobs.add(job, input, { key });
    return dataOf<{ id: string }>(started).id;
  }

  /** @throws `TaskNotFoundError` if there is no such task, or if it belongs to another agent. */
  async read(id: string): Promise<Task> {
    if (!uuid.test(id)) throw new TaskNotFoundError();
    const { runs, jobs } = this.mayfly;
    const [job, run] = await Promise.all([jobs.get(id), this.agent.agent && runs.get(id)]);
    const found = dataOf(job);
    const task = this.#shown(found);
    const { status, error, input, output } = run ? dataOf(run) : { ...found, output: found.result };
    const at = found.finishedAt ?? found.startedAt ?? found.createdAt;
    const said = error && `${error.code}: ${error.message}`;
    task.status = {
      state: states[status],
      message:
        said && states[status] === TaskState.TASK_STATE_FAILED
          ? saidBy(id, task.contextId, said)
          : undefined,
      timestamp: at.toISOString(),
    };
    const [, contextId = "", messageId = ""] = keyForm.exec(found.key ?? "") ?? [];
    task.history = [messageOf({ messageId, contextId, input }, id)];
    if (status === "succeeded") task.artifacts = [answerOf(output)];
    return task;
  }

  /** A page of tasks, the newest first, without their messages and answers. */
  async list(filter: {
    state: TaskState;
    contextId: string;
    before: string;
    limit: number;
  }): Promise<{ tasks: Task[]; next: string }> {
    const { state, contextId, before, limit } = filter;
    const status = jobStatuses.filter((one) => states[one] === state);
    const page = dataOf(
      await this.mayfly.jobs.list({
        ...{ name: jobNameOf(this.agent), limit },
        ...(status.length > 0 && { status }),
        ...(before && { before }),
      }),
    );
    const tasks = page
      .filter(({ key = "" }) => keyForm.test(key))
      .map((job) => this.#shown(job))
      .filter((task) => !contextId || task.contextId === contextId);
    return { tasks, next: page.length === limit ? (page.at(-1)?.id ?? "") : "" };
  }

  /** Cancels a task and everything that the task waits for. Its worker notices this at its next write. */
  async cancel(id: string): Promise<void> {
    dataOf(await this.mayfly.jobs.cancel(id));
  }

  #shown({ id, name, key, status, createdAt, startedAt, finishedAt }: JobInfo): Task {
    const [, contextId] = keyForm.exec(key ?? "") ?? [];
    if (name !== jobNameOf(this.agent) || !contextId) throw new TaskNotFoundError();
    const timestamp = (finishedAt ?? startedAt ?? createdAt).toISOString();
    return Task.fromJSON({ id, contextId, status: { state: states[status], timestamp } });
  }
}
