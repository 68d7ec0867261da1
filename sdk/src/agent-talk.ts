import { AgentMemory } from "./agent-memory.ts";
import type { Channels } from "./channels/channels.ts";
import { failed, type Result } from "./contract/errors.ts";
import type { PayloadOf } from "./contract/messages.ts";
import { doorOf } from "./jobs/door.ts";
import { Jobs } from "./jobs/jobs.ts";
import type { JobHandlers } from "./jobs/local-job.ts";
import type { Work, WorkOptions } from "./jobs/work-options.ts";
import { Works } from "./jobs/works.ts";
import type { Limit } from "./link/requests.ts";
import type { MessageTarget, SendOptions, Sent } from "./messages/messages.ts";
import {
  type HandlerOptions,
  type Message,
  type MessageHandler,
  Messenger,
  type RequestOptions,
} from "./messages/messenger.ts";

/** Jobs that are under way when their agent ends have so long to end, too. */
const drainMs = 5_000;

/** An agent's jobs and messages, to and from others of its tenant. */
export class AgentTalk extends AgentMemory {
  readonly #messenger = new Messenger(this.client, this.debug.note);
  readonly #jobsDoor = doorOf(this.client, this.tenantId);
  readonly #works = new Works(this.#jobsDoor, this.debug.note);
  /** What is to be done: adds jobs, shows and ends them. */
  readonly jobs = new Jobs(this.#jobsDoor);

  /** The named channels of the tenant. */
  get channels(): Channels {
    return this.#messenger.channels;
  }

  /**
   * Sends a message, durably: each recipient gets it once, in order, also when it was away. What is sent
   * at the same time goes in one call. Tried again, with the same id, while the server can not be reached.
   *
   * @param payload an object of at most 256 KB; of a known type as its schema says.
   * @returns `recipient_unknown`, `recipient_not_alive`, `no_recipient`, `channel_unknown`,
   *   `not_publisher`, `invalid_request`, `message_id_taken`, `rate_limited`, `scope_missing`,
   *   `unavailable`: then it may have been sent; send it again with the same `id` to be sure.
   * @example
   * await agent.send(other.id, "info", { text: "The build is green." });
   * await agent.send({ capability: "review" }, "review_request", { subject: "PR 12" });
   */
  send<T extends string>(
    to: MessageTarget,
    type: T,
    payload: PayloadOf<T>,
    options: SendOptions = {},
  ): Promise<Result<Sent>> {
    return this.#messenger.send(to, type, payload, options);
  }

  /**
   * Sends a message and waits for the first reply.
   *
   * @param options `timeoutMs`: 30,000 by default.
   * @returns `request_timeout`, and what `send` returns.
   * @example
   * const { data: reply } = await agent.request(other.id, "query", { question: "Which port?" });
   * console.log(reply?.payload);
   */
  request<T extends string>(
    to: MessageTarget,
    type: T,
    payload: PayloadOf<T>,
    options: RequestOptions = {},
  ): Promise<Result<Message>> {
    return this.#messenger.request(to, type, payload, options);
  }

  /**
   * Gives a task on to another agent, with what it needs to know.
   *
   * @example
   * await agent.handoff("Rotate the key", { capability: "ops" }, "I may not", { key: "k1" });
   */
  handoff(
    task: string,
    to: MessageTarget,
    reason: string,
    context: Record<string, unknown> = {},
    options: SendOptions = {},
  ): Promise<Result<Sent>> {
    return this.#messenger.send(to, "task_handoff", { task, reason, context }, options);
  }

  /**
   * Handles messages of a type, or of all (`*`), one at a time, in the order of the inbox: first those that
   * came while the agent was away, then each as it comes. The first call opens the inbox, which one
   * process reads at a time: who opens it later takes it over (`inbox_taken`).
   *
   * A message is acknowledged when its handlers have returned. One that throws is called again after
   * 0.25 s and 1 s; then `onError` is told, the message stays in the inbox, and comes again, with a higher
   * `attempt`, to who opens the inbox next. What has no handler stays there, too, and is handed to one
   * that is registered later.
   *
   * @returns stops handling.
   * @example
   * const off = agent.on("query", async (message) => {
   *   await message.reply({ answer: 42 });
   * });
   */
  on<T extends string>(
    type: T,
    handler: MessageHandler<T extends "*" ? string : T>,
    options: HandlerOptions = {},
  ): () => void {
    return this.#messenger.on(type, handler, options);
  }

  /**
   * Does jobs: those that there is a handler for, as they come, until `stop()` or the agent's end. When
   * the agent dies its jobs go to others; each comes again with a higher `attempt`, past the steps that
   * are recorded.
   *
   * @returns `invalid_request` with the option that is wrong.
   * @example
   * const { data: work } = await agent.work({
   *   summarise: async (input, job) => {
   *     const page = await job.step("fetch", () => fetch(input.url).then((r) => r.text()));
   *     return summary(page);
   *   },
   * }, { concurrency: 8 });
   */
  async work(handlers: JobHandlers, options: WorkOptions = {}): Promise<Result<Work>> {
    return this.over ? failed(this.over) : this.#works.start(handlers, options);
  }

  protected override async finish(limit: Limit) {
    await Promise.race([this.#works.close(drainMs), limit.over]);
    // What was handled is said while it can be; a handler that never ends holds nobody up.
    await Promise.race([this.#messenger.close(), limit.over]);
    return super.finish(limit);
  }

  protected override async leave(): Promise<void> {
    void this.#messenger.close();
    void this.#works.close(0);
    await super.leave();
  }
}
