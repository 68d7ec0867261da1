import type {
  AgentCard,
  CancelTaskRequest,
  DeleteTaskPushNotificationConfigRequest,
  GetTaskPushNotificationConfigRequest,
  GetTaskRequest,
  ListTaskPushNotificationConfigsRequest,
  ListTaskPushNotificationConfigsResponse,
  ListTasksRequest,
  ListTasksResponse,
  SendMessageRequest,
  StreamResponse,
  SubscribeToTaskRequest,
  Task,
  TaskPushNotificationConfig,
} from "@a2a-js/sdk";
import {
  ExtendedAgentCardNotConfiguredError,
  TaskNotCancelableError,
  TaskNotFoundError,
  UnsupportedOperationError,
} from "@a2a-js/sdk/errors";
import type { A2ARequestHandler } from "@a2a-js/sdk/server";
import type { Mayfly } from "@mayfly/sdk";
import type { A2AAgent } from "./agents.ts";
import { askedBy } from "./messages.ts";
import { PushConfigs } from "./push.ts";
import { hasEnded, Tasks } from "./tasks.ts";
import { updatesOf } from "./updates.ts";

/**
 * How long to wait for the end of a cancelled task. After that, the task is returned in its current
 * state.
 */
const cancelMs = 5_000;

/** The methods of the protocol for one agent and one caller. Nothing is stored here between requests. */
export class Requests implements A2ARequestHandler {
  readonly #card: AgentCard;
  readonly #tasks: Tasks;
  readonly #push: PushConfigs;
  readonly #signal: AbortSignal;
  readonly #waitMs: number;

  constructor(
    caller: Mayfly,
    agent: A2AAgent,
    card: AgentCard,
    { signal, waitMs, isOld }: { signal: AbortSignal; waitMs: number; isOld: boolean },
  ) {
    this.#card = card;
    this.#tasks = new Tasks(caller, agent);
    this.#push = new PushConfigs(caller, agent, isOld);
    this.#signal = signal;
    this.#waitMs = waitMs;
  }

  async getAgentCard(): Promise<AgentCard> {
    return this.#card;
  }

  async getAuthenticatedExtendedAgentCard(): Promise<AgentCard> {
    throw new ExtendedAgentCardNotConfiguredError();
  }

  async sendMessage(request: SendMessageRequest): Promise<Task> {
    const id = await this.#start(request);
    const { historyLength, returnImmediately } = request.configuration ?? {};
    if (!returnImmediately) await this.#ended(id, this.#waitMs);
    return shortened(await this.#tasks.read(id), historyLength);
  }

  async *sendMessageStream(
    request: SendMessageRequest,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    yield* updatesOf(this.#tasks, await this.#start(request), this.#signal);
  }

  async getTask({ id, historyLength }: GetTaskRequest): Promise<Task> {
    return shortened(await this.#tasks.read(id), historyLength);
  }

  async listTasks(request: ListTasksRequest): Promise<ListTasksResponse> {
    const { contextId, status, pageToken, includeArtifacts, historyLength } = request;
    const limit = Math.min(Math.max(request.pageSize || 50, 1), 100);
    const wanted = { contextId, state: status, before: pageToken, limit };
    const { tasks, next } = await this.#tasks.list(wanted);
    const whole = includeArtifacts || historyLength;
    const shown = whole ? await Promise.all(tasks.map(({ id }) => this.#tasks.read(id))) : tasks;
    return {
      ...{ nextPageToken: next, pageSize: limit },
      tasks: shown.map((task) => shortened(task, historyLength)),
      totalSize: shown.length,
    };
  }

  async cancelTask({ id }: CancelTaskRequest): Promise<Task> {
    if (hasEnded(await this.#tasks.read(id))) throw new TaskNotCancelableError();
    await this.#tasks.cancel(id);
    await this.#ended(id, cancelMs);
    return this.#tasks.read(id);
  }

  async *resubscribe({
    id,
  }: SubscribeToTaskRequest): AsyncGenerator<StreamResponse, void, undefined> {
    if (hasEnded(await this.#tasks.read(id)))
      throw new UnsupportedOperationError("The task has ended. Get it instead.");
    yield* updatesOf(this.#tasks, id, this.#signal);
  }

  async createTaskPushNotificationConfig(
    config: TaskPushNotificationConfig,
  ): Promise<TaskPushNotificationConfig> {
    const { id } = await this.#tasks.read(config.taskId);
    return this.#push.add(id, config);
  }

  async getTaskPushNotificationConfig(
    request: GetTaskPushNotificationConfigRequest,
  ): Promise<TaskPushNotificationConfig> {
    const { configs } = await this.listTaskPushNotificationConfigs(request);
    const found = configs.find(({ id }) => id === request.id);
    if (!found) throw new TaskNotFoundError("The task has no such push notification config.");
    return found;
  }

  async listTaskPushNotificationConfigs({
    taskId,
  }: Pick<
    ListTaskPushNotificationConfigsRequest,
    "taskId"
  >): Promise<ListTaskPushNotificationConfigsResponse> {
    await this.#tasks.read(taskId);
    return { configs: await this.#push.list(taskId), nextPageToken: "" };
  }

  async deleteTaskPushNotificationConfig({
    taskId,
    id,
  }: DeleteTaskPushNotificationConfigRequest): Promise<void> {
    await this.#tasks.read(taskId);
    await this.#push.remove(taskId, id);
  }

  async #start({ message, configuration }: SendMessageRequest): Promise<string> {
    const id = await this.#tasks.start(askedBy(message));
    const config = configuration?.taskPushNotificationConfig;
    if (config) await this.#push.add(id, config);
    return id;
  }

  /** Waits until a task has ended, for `timeoutMs` at most. */
  async #ended(id: string, timeoutMs: number): Promise<void> {
    await this.#tasks.mayfly.jobs.ended(id, { timeoutMs, pollMs: 500 });
  }
}

/** The task with at most `length` messages, or with all of them if `length` is undefined. */
const shortened = (task: Task, length: number | undefined): Task =>
  length === undefined ? task : { ...task, history: length > 0 ? task.history.slice(-length) : [] };
