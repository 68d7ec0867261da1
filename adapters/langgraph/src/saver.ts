import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  copyCheckpoint,
  getCheckpointId,
  maxChannelVersion,
  type PendingWrite,
  TASKS,
  WRITES_IDX_MAP,
} from "@langchain/langgraph-checkpoint";
import type { NewChannelValue, ThreadCheckpoint, Threads } from "@mayfly/sdk";
import { RecentValues } from "./recent.ts";
import { given } from "./results.ts";
import { appended, fromText, joined, toText } from "./texts.ts";

/** The part of LangChain's own type that this package needs. */
type RunnableConfig = Parameters<BaseCheckpointSaver["getTuple"]>[0];

/** The caller, a `Mayfly` or an `Agent`. Threads belong to the caller's tenant. */
export interface ThreadsOwner {
  threads: Threads;
}

/** Options of a saver. */
export interface MayflySaverOptions {
  /**
   * A thread expires this many seconds after its last checkpoint. By default, threads stay until you
   * delete them.
   */
  expiresIn?: number;
  /** Serialises values. LangGraph's own serializer by default. */
  serde?: BaseCheckpointSaver["serde"];
  /**
   * How many characters of recent lists the saver keeps in memory, to detect what was appended to a list:
   * 32 million by default. If a list was dropped from memory, it is stored as a whole once more.
   */
  recentCharacters?: number;
}

const pageSize = 20;

/**
 * Keeps the checkpoints of LangGraph in a Mayfly project, over the Data API, in the tenant of the
 * caller. The caller needs the scopes `thread:read` and `thread:write`. A growing list is stored in
 * parts.
 *
 * @example
 * const graph = builder.compile({ checkpointer: new MayflySaver(mayfly) });
 * await graph.invoke(input, { configurable: { thread_id: "support/7" } });
 */
export class MayflySaver extends BaseCheckpointSaver {
  readonly #threads: Threads;
  readonly #expiresIn: number | undefined;
  readonly #recent: RecentValues;
  /**
   * Writes that are being stored. A checkpoint waits for them, because a list that contains what a task wrote
   * is stored only as the difference.
   */
  readonly #writing = new Set<Promise<unknown>>();

  constructor(owner: ThreadsOwner, options: MayflySaverOptions = {}) {
    super(options.serde);
    this.#threads = owner.threads;
    this.#expiresIn = options.expiresIn;
    this.#recent = new RecentValues(options.recentCharacters ?? 32_000_000);
  }

  async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const thread = config.configurable?.thread_id as string | undefined;
    if (thread === undefined) return undefined;
    const ns = nsOf(config);
    const id = getCheckpointId(config) || undefined;
    const stored = given(await this.#threads.get(thread, id === undefined ? { ns } : { ns, id }));
    return stored ? this.#toTuple(stored) : undefined;
  }

  async *list(
    config: RunnableConfig,
    options: CheckpointListOptions = {},
  ): AsyncGenerator<CheckpointTuple> {
    const { thread_id: thread, checkpoint_ns: ns, checkpoint_id: id } = config.configurable ?? {};
    const before = options.before?.configurable?.checkpoint_id as string | undefined;
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (id !== undefined && thread !== undefined) {
      const one = await this.getTuple(config);
      if (one && left > 0 && (before === undefined || one.checkpoint.id < before)) yield one;
      return;
    }
    let after: ThreadCheckpoint | undefined;
    while (left > 0) {
      const limit = Math.min(left, pageSize);
      const page = given(
        await this.#threads.checkpoints({
          limit,
          filter: options.filter ?? {},
          ...(thread !== undefined && { thread }),
          ...(ns !== undefined && { ns }),
          ...(before !== undefined && { before }),
          ...(after && { after }),
        }),
      );
      for (const stored of page) yield this.#toTuple(stored);
      if (page.length < limit) return;
      left -= page.length;
      after = page.at(-1);
    }
  }

  async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const thread = threadOf(config, "put a checkpoint");
    const ns = nsOf(config);
    const { id, channel_values, channel_versions, ...rest } = copyCheckpoint(checkpoint);
    const changed = Object.entries(newVersions).filter(([channel]) => channel in channel_values);
    const texts = await Promise.all(
      changed.map(async ([channel, version]) => ({
        channel,
        version,
        text: await toText(this.serde, channel_values[channel]),
      })),
    );
    const parent = config.configurable?.checkpoint_id as string | undefined;
    const common = {
      id,
      ns,
      ...(parent && { parent }),
      body: await toText(this.serde, rest),
      channelVersions: channel_versions,
      metadata: await this.#metadataOf(metadata),
      ...(this.#expiresIn !== undefined && { expiresIn: this.#expiresIn }),
    };
    await Promise.allSettled(this.#writing);
    const channelValues = texts.map((one) => this.#grown(thread, ns, one));
    let answer = await this.#threads.put(thread, { ...common, channelValues });
    // The version that a list continues was deleted or pruned.
    if (answer.error?.code === "version_unknown") {
      const whole = texts.map(({ channel, text }) => ({ channel, part: text }));
      answer = await this.#threads.put(thread, { ...common, channelValues: whole });
    }
    given(answer);
    for (const { channel, version, text } of texts)
      this.#recent.set(keyOf(thread, ns, channel), { version, text });
    return { configurable: { thread_id: thread, checkpoint_ns: ns, checkpoint_id: id } };
  }

  async putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath = "",
  ): Promise<void> {
    const thread = threadOf(config, "put writes");
    const checkpoint = config.configurable?.checkpoint_id as string | undefined;
    if (!checkpoint) throw missing("checkpoint_id", "put writes");
    const bodies = await Promise.all(
      writes.map(async ([channel, value], idx) => ({
        channel,
        idx: WRITES_IDX_MAP[channel] ?? idx,
        body: await toText(this.serde, value),
      })),
    );
    const own = { checkpoint, ns: nsOf(config), task: taskId, path: taskPath };
    const written = this.#threads.putWrites(thread, { ...own, writes: bodies });
    this.#writing.add(written);
    given(await written.finally(() => this.#writing.delete(written)));
  }

  async deleteThread(threadId: string): Promise<void> {
    given(await this.#threads.delete(threadId));
  }

  /**
   * Deletes all but the newest checkpoints of a thread, with everything that only the deleted ones
   * need. The thread continues as before, but you can no longer go back to a deleted checkpoint.
   *
   * @param options `keep`: how many to keep in each namespace; 1 by default.
   * @returns how many were deleted.
   */
  async pruneThread(threadId: string, options: { keep?: number } = {}): Promise<number> {
    return given(await this.#threads.prune(threadId, options));
  }

  /**
   * The next whole number plus a random fraction, so that no two branches of a thread have the same version.
   */
  override getNextVersion(current: number | undefined): number {
    const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
    return Math.floor(current ?? 0) + 1 + Number((random / 2 ** 32).toFixed(8));
  }

  /** The whole value, or only what was added since the version that was last read or written. */
  #grown(
    thread: string,
    ns: string,
    { channel, text }: { channel: string; text: string },
  ): NewChannelValue {
    const known = this.#recent.get(keyOf(thread, ns, channel));
    const part = known && appended(known.text, text);
    if (!known || part === undefined) return { channel, part: text };
    return { channel, base: known.version, ...(part && { part }) };
  }

  async #toTuple(stored: ThreadCheckpoint): Promise<CheckpointTuple> {
    const { thread, ns, id, parent } = stored;
    const values = await Promise.all(
      stored.channelValues.map(async ({ channel, version, parts }) => {
        const text = joined(parts);
        this.#recent.set(keyOf(thread, ns, channel), { version, text });
        return [channel, await fromText(this.serde, text)] as const;
      }),
    );
    const checkpoint = {
      ...((await fromText(this.serde, stored.body)) as Omit<Checkpoint, "id">),
      id,
      channel_values: Object.fromEntries(values),
      channel_versions: stored.channelVersions,
    };
    if (checkpoint.v < 4 && parent !== null) await this.#takeSends(checkpoint, thread, ns, parent);
    const pendingWrites = await Promise.all(
      stored.writes.map(
        async ({ task, channel, body }) =>
          [task, channel, await fromText(this.serde, body)] as [string, string, unknown],
      ),
    );
    const configOf = (checkpoint_id: string) => ({
      configurable: { thread_id: thread, checkpoint_ns: ns, checkpoint_id },
    });
    return {
      config: configOf(id),
      checkpoint,
      metadata: (await fromText(this.serde, JSON.stringify(stored.metadata))) as CheckpointMetadata,
      pendingWrites,
      ...(parent !== null && { parentConfig: configOf(parent) }),
    };
  }

  /**
   * Before version 4 of the format, a checkpoint stored the sends of its parent's tasks as a channel.
   */
  async #takeSends(
    checkpoint: Checkpoint,
    thread: string,
    ns: string,
    parent: string,
  ): Promise<void> {
    const stored = given(await this.#threads.get(thread, { ns, id: parent }));
    const sends = (stored?.writes ?? []).filter(({ channel }) => channel === TASKS);
    checkpoint.channel_values[TASKS] = await Promise.all(
      sends.map(({ body }) => fromText(this.serde, body)),
    );
    const versions = Object.values(checkpoint.channel_versions);
    const newest = versions.length > 0 ? maxChannelVersion(...versions) : undefined;
    checkpoint.channel_versions[TASKS] = newest ?? this.getNextVersion(undefined);
  }

  /**
   * The metadata as JSON, so that the database can search them. The metadata are also stored by LangGraph's
   * serializer, which keeps values that JSON cannot express.
   */
  async #metadataOf(metadata: CheckpointMetadata): Promise<Record<string, unknown>> {
    const text = await toText(this.serde, metadata);
    if (text.startsWith("{")) return JSON.parse(text);
    throw new Error(
      "MayflySaver needs a serializer that gives metadata as JSON, so that list can filter it.",
    );
  }
}

const keyOf = (thread: string, ns: string, channel: string) =>
  JSON.stringify([thread, ns, channel]);
const nsOf = (config: RunnableConfig) =>
  (config.configurable?.checkpoint_ns as string | undefined) ?? "";

function threadOf(config: RunnableConfig, what: string): string {
  const thread = config.configurable?.thread_id as string | undefined;
  if (thread === undefined) throw missing("thread_id", what);
  return thread;
}

const missing = (field: string, what: string) =>
  new Error(
    `MayflySaver cannot ${what}: the config has no configurable.${field}. Pass { configurable: { ${field}: "…" } }.`,
  );
