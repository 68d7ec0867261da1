import { deleted, list } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { invalid, wrongPage } from "../contract/invalid.ts";
import { problemOf } from "../contract/storable.ts";
import { threadBounds } from "../contract/thread-bounds.ts";
import type { Link } from "../link/link.ts";
import { mayBeDone, retried } from "../link/retry.ts";
import { fromRow } from "../link/rows.ts";
import {
  checkpointRows,
  prunedRow,
  putRow,
  threadRow,
  toCheckpoints,
  writtenRow,
} from "./answers.ts";
import type {
  ListCheckpoints,
  NewCheckpoint,
  NewWrites,
  ThreadCheckpoint,
  ThreadInfo,
} from "./types.ts";

/**
 * Checkpoints of graphs that another framework runs. They have the state of a thread at each step.
 * Adapters such as `@mayfly/langgraph` call this. Values are texts, and Mayfly does not interpret them.
 */
export class Threads {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Stores a checkpoint, and creates the thread if needed. A checkpoint with the same id is
   * replaced. Needs `thread:write`.
   *
   * @returns `version_unknown` if the `base` of a value is no longer kept. You then have to send the whole
   * value. Other errors: `invalid_request`, `quota_exceeded`, `rate_limited`.
   * @example
   * const message = JSON.stringify([{ role: "user", content: "Hello" }]);
   * await agent.threads.put("support/7", {
   *   id: "0001",
   *   body: "{}",
   *   channelVersions: { messages: "1" },
   *   channelValues: [{ channel: "messages", part: message }],
   * });
   */
  async put(thread: string, checkpoint: NewCheckpoint): Promise<Result<{ id: string }>> {
    const { id, ns, parent, body, channelVersions, metadata, channelValues, expiresIn } =
      checkpoint;
    const problem = problemOf(metadata ?? {});
    if (problem) return failed(invalid("metadata", problem));
    const given = {
      thread,
      checkpoint: id,
      ns,
      parent,
      body,
      channel_versions: channelVersions,
      metadata,
      channel_values: channelValues,
      expires_in: expiresIn,
    };
    const answer = await again(() => this.#link.rpc("put_checkpoint", given, putRow));
    return answer.error ? answer : ok({ id: answer.data.id });
  }

  /**
   * Stores what a task wrote after a checkpoint, so that the task does not run again when another
   * task fails. Needs `thread:write`.
   */
  async putWrites(thread: string, writes: NewWrites): Promise<Result<null>> {
    const given = { thread, ...writes };
    const answer = await again(() => this.#link.rpc("put_writes", given, writtenRow));
    return answer.error ? answer : ok(null);
  }

  /**
   * Reads a checkpoint of a thread, by default the newest. Null if there is none. Needs `thread:read`.
   */
  async get(
    thread: string,
    { ns, id }: { ns?: string; id?: string } = {},
  ): Promise<Result<ThreadCheckpoint | null>> {
    const given = { thread, ns, checkpoint: id };
    const answer = await again(() => this.#link.rpc("get_checkpoint", given, checkpointRows));
    return answer.error ? answer : ok(toCheckpoints(answer.data)[0] ?? null);
  }

  /** Lists checkpoints, newest first, one page at a time. Needs `thread:read`. */
  async checkpoints(options: ListCheckpoints = {}): Promise<Result<ThreadCheckpoint[]>> {
    const { after, limit, ...rest } = options;
    const { least, most } = threadBounds.page;
    if (limit !== undefined && !(Number.isInteger(limit) && limit >= least && limit <= most))
      return failed(invalid("limit", `must be a whole number from ${least} to ${most}`));
    const given = {
      ...rest,
      after: after && [after.id, after.thread, after.ns],
      page_limit: limit,
    };
    const answer = await again(() => this.#link.rpc("list_checkpoints", given, checkpointRows));
    return answer.error ? answer : ok(toCheckpoints(answer.data));
  }

  /**
   * Lists the threads of the tenant, by name. Needs `thread:read`.
   *
   * @param options `after`: the last name of the previous page; `limit`: 1 to 1,000, 100 by
   * default.
   * @example
   * const { data: threads } = await agent.threads.list({ prefix: "support/" });
   */
  async list(
    options: { prefix?: string; after?: string; limit?: number } = {},
  ): Promise<Result<ThreadInfo[]>> {
    const { limit, ...rest } = options;
    const wrong = wrongPage("limit", limit);
    if (wrong) return failed(wrong);
    const given = { ...rest, page_limit: limit };
    const answer = await this.#link.rpc("list_threads", given, list(threadRow));
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }

  /** Deletes a thread and everything in it. Needs `thread:write`. @returns whether it existed. */
  async delete(thread: string): Promise<Result<boolean>> {
    const answer = await this.#link.rpc("delete_thread", { thread }, deleted);
    return answer.error ? answer : ok(answer.data.deleted);
  }

  /**
   * Deletes all but the newest checkpoints of each namespace of a thread, and the values and writes that
   * nothing else needs. Needs `thread:write`.
   *
   * @param options `keep`: how many stay, 1 to 10,000; 1 by default.
   * @returns how many checkpoints were deleted.
   */
  async prune(thread: string, { keep }: { keep?: number } = {}): Promise<Result<number>> {
    const { least, most } = threadBounds.keep;
    if (keep !== undefined && !(Number.isInteger(keep) && keep >= least && keep <= most))
      return failed(invalid("keep", `must be a whole number from ${least} to ${most}`));
    const answer = await this.#link.rpc("prune_thread", { thread, keep }, prunedRow);
    return answer.error ? answer : ok(answer.data.deleted);
  }
}

/** Repeats a call if its answer was lost. Putting a checkpoint twice changes nothing. */
const again = <T>(call: () => Promise<Result<T>>) =>
  retried(call, mayBeDone, { firstMs: 250, tries: 3 });
