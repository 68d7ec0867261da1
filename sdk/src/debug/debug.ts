import {
  type DebugCategory,
  type DebugData,
  type DebugOrders,
  type DebugRow,
  defaultLevels,
  levelOf,
  type Note,
  type RecordOptions,
  type Thresholds,
  thresholdsOf,
} from "../contract/debug.ts";
import type { Result } from "../contract/errors.ts";
import { inboxTopic } from "../contract/topics.ts";
import type { Link, Self } from "../link/link.ts";
import { within } from "../link/monotonic-time.ts";
import type { Log } from "../log/log.ts";
import { debugOrders } from "./answers.ts";
import { Masker, type MaskRules } from "./mask.ts";
import { DebugBroadcast, DebugKeeper } from "./outlets.ts";
import { fitRow, makeRow } from "./row.ts";
import { DebugWatcher } from "./watch.ts";
import type { DebugHandler, DebugWatch, DebugWatchOptions } from "./watch-types.ts";

/** Settings for the debug streams of a process. */
export interface DebugOptions {
  /** What to mask in addition to the defaults: see docs/debug.md. */
  mask?: MaskRules;
  /** Broadcasts of each agent in a second: at most 10, the default. Fewer if many agents are watched. */
  sendsPerSecond?: number;
  /** How many records may wait to be sent. The newest are kept. 1,000 by default, and at most 1 MB. */
  bufferRecords?: number;
}

type Owner = Omit<Self, "name"> & { scopes: string[] };

const silent = thresholdsOf(() => 0);
/** How many of the first records are kept until the server says whether they are wanted. */
const maxPending = 200;
const pendingMs = 10_000;
/**
 * A watcher of every agent may need this long to join the stream of a new agent, if it misses the broadcast
 * about that agent. During this time, records are sent again.
 */
const newcomerMs = 2_000;

/**
 * Reports details of an agent's work. The agent sends nothing until somebody watches or the tenant stores
 * records, and then only up to the requested level.
 *
 * The first call opens the agent's live connection in the background. Up to 200 records are kept until the
 * server says whether they are wanted. From then on, a call costs nothing if nobody wants its record. No
 * call throws or waits, and none can make the agent's work fail.
 *
 * Default levels: error, lifecycle and task are 1 (basic); step, message and tool are 2 (detailed); decision
 * and memory are 3 (verbose); thought is 4 (trace).
 *
 * @example
 * agent.debug.task("Read the migration", { file });
 * agent.debug.thought("why", () => ({ prompt: longPrompt() })); // called only when it is wanted
 * agent.debug.tool("search", { query }, { durationMs: 41 });
 */
export class Debug {
  readonly #link: Link;
  readonly #log: Log;
  readonly #owner: Owner;
  readonly #masker: Masker;
  readonly #maxRate: number;
  readonly #bornAt = performance.now();
  readonly #sender: DebugBroadcast;
  readonly #keeper: DebugKeeper;
  /** The highest level at which anything is recorded. 0 is off. */
  #top = 0;
  /** Whether a call opens the live connection. */
  #opens: boolean;
  #streamed: Thresholds = silent;
  #kept = 0;
  #pending: DebugRow[] | null = null;
  #lapse: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  readonly #watchers = new Set<DebugWatcher>();

  /** @internal */
  constructor(link: Link, log: Log, owner: Owner, options: DebugOptions = {}) {
    this.#link = link;
    this.#log = log;
    this.#owner = owner;
    this.#masker = new Masker(options.mask);
    this.#maxRate = Math.min(options.sendsPerSecond ?? 10, 10);
    const records = options.bufferRecords ?? 1_000;
    this.#sender = new DebugBroadcast(link, owner, records, 1_000 / this.#maxRate);
    this.#keeper = new DebugKeeper(link, records, (level) => {
      this.#kept = level;
      this.#top = Math.max(...Object.values(this.#streamed), level);
    });
    this.#opens = owner.scopes.includes("debug:write");
  }

  /** The agent was spawned, renewed or stopped. */
  lifecycle(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("lifecycle", name, data, options);
    else if (this.#opens) this.#openFor("lifecycle", name, data, options);
  }
  /** The task on which it works. */
  task(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("task", name, data, options);
    else if (this.#opens) this.#openFor("task", name, data, options);
  }
  /** A part of the task. */
  step(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("step", name, data, options);
    else if (this.#opens) this.#openFor("step", name, data, options);
  }
  /** What it decided, from which options, and why. */
  decision(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("decision", name, data, options);
    else if (this.#opens) this.#openFor("decision", name, data, options);
  }
  /** Its thoughts: prompts and completions. */
  thought(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("thought", name, data, options);
    else if (this.#opens) this.#openFor("thought", name, data, options);
  }
  /** What it remembered and recalled. The SDK records its own calls. */
  memory(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("memory", name, data, options);
    else if (this.#opens) this.#openFor("memory", name, data, options);
  }
  /** What it sent and received. */
  message(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("message", name, data, options);
    else if (this.#opens) this.#openFor("message", name, data, options);
  }
  /** A tool that it used. */
  tool(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("tool", name, data, options);
    else if (this.#opens) this.#openFor("tool", name, data, options);
  }
  /** What went wrong. `data` may be the Error. */
  error(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("error", name, data, options);
    else if (this.#opens) this.#openFor("error", name, data, options);
  }

  /**
   * The level up to which a category is wanted now. 0 means not at all.
   *
   * @example
   * if (agent.debug.level("thought") >= 4) agent.debug.thought("scores", await allScores());
   */
  level(category: DebugCategory): number {
    return Math.max(this.#streamed[category], this.#kept);
  }

  /** How many records were wanted, but dropped for newer ones before they could be sent. */
  get dropped(): number {
    return this.#sender.buffer.dropped + this.#keeper.buffer.dropped;
  }

  /** @internal For the SDK's own records, which do not open a connection. */
  readonly note: Note = (category, name, data, options) => {
    if (this.#top > 0) this.#record(category, name, data, options);
  };

  /**
   * Watches what other agents report, as this agent: see {@link DebugStreams.watch}. Needs `debug:read`.
   *
   * @example
   * const { data: watch } = await agent.debug.watch({ agent: helper.id }, (record) => {
   *   console.log(record.category, record.name, record.data);
   * });
   */
  async watch(options: DebugWatchOptions, handler: DebugHandler): Promise<Result<DebugWatch>> {
    const watcher = new DebugWatcher(this.#link, this.#owner.tenantId, options, handler);
    const started = await watcher.start(this.#log);
    if (started.data) this.#watchers.add(watcher);
    return started;
  }

  /** @internal Listens to the server, which says which records are wanted. May open a live connection. */
  listen(): void {
    if (!this.#opens || this.#closed) return;
    this.#opens = false;
    this.#pending = [];
    this.#top = 4;
    this.#planLapse(pendingMs);
    const topic = inboxTopic(this.#owner.tenantId, this.#owner.id);
    this.#link.topics.join(topic, {
      onMessage: (event, payload) => {
        if (event === "debug_level") this.#obey(payload as unknown as DebugOrders);
      },
      onJoined: (joined) => {
        if (joined) void this.#ask();
      },
    });
  }

  /** @internal Stops watching, while the agent can still release its leases. */
  async stopWatches(): Promise<void> {
    await Promise.all([...this.#watchers].map((watcher) => watcher.stop()));
    this.#watchers.clear();
  }

  /** @internal Sends waiting records, as many as it can in a second. */
  async flush(timeoutMs = 1_000): Promise<void> {
    if (!this.#sender.joined && this.#kept === 0) return;
    await Promise.all([this.#sender.pump.flush(timeoutMs), this.#keeper.pump.flush(timeoutMs)]);
  }

  /** @internal The last calls with the agent's token: sends waiting records and releases leases. */
  async finish(): Promise<null> {
    await Promise.all([this.flush(), this.stopWatches()]);
    return null;
  }

  /** @internal Stops recording. The agent leaves these topics together with all its others. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#opens = false;
    this.#top = 0;
    this.#kept = 0;
    this.#streamed = silent;
    this.#pending = null;
    clearTimeout(this.#lapse);
    this.#sender.pump.stop();
    this.#keeper.pump.stop();
    await this.stopWatches();
  }

  #openFor(category: DebugCategory, name: string, data: DebugData, options?: RecordOptions): void {
    try {
      this.listen();
      this.#record(category, name, data, options);
    } catch {
      // Debug records must never fail the agent's work.
    }
  }

  async #ask(): Promise<void> {
    const { data } = await this.#link.rpc("debug_level", {}, debugOrders);
    // If there is no answer, the server's next message or the next join sets the level.
    if (data) this.#obey(data);
  }

  #obey(orders: DebugOrders): void {
    if (this.#closed || typeof orders?.levels !== "object" || orders.levels === null) return;
    const { levels, seconds, all, sends_per_second, persist } = orders;
    this.#streamed = thresholdsOf((category) => Number(levels[category]) || 0);
    this.#kept = Number(persist) || 0;
    this.#keeper.told = this.#kept;
    const rate = Math.min(this.#maxRate, Number(sends_per_second) || this.#maxRate);
    this.#sender.pump.intervalMs = 1_000 / rate;
    this.#sender.pump.repeatUntil = all ? this.#bornAt + newcomerMs : 0;
    const pending = this.#pending ?? [];
    this.#pending = null;
    this.#settle();
    this.#planLapse((Number(seconds) || 0) * 1_000);
    for (const row of pending) this.#take(row);
  }

  /** Ends recording when the leases end, unless a new order comes. */
  #planLapse(ms: number): void {
    clearTimeout(this.#lapse);
    if (ms <= 0) return;
    this.#lapse = setTimeout(() => {
      this.#pending = null;
      this.#streamed = silent;
      this.#settle();
    }, within(ms));
    (this.#lapse as { unref?: () => void }).unref?.();
  }

  #settle(): void {
    const streamed = Math.max(...Object.values(this.#streamed));
    this.#top = Math.max(streamed, this.#kept);
    this.#sender.want(streamed > 0);
    if (this.#kept === 0) this.#keeper.buffer.clear();
  }

  #record(category: DebugCategory, name: string, data: DebugData, options?: RecordOptions): void {
    try {
      const level = options?.level === undefined ? defaultLevels[category] : levelOf(options.level);
      const wanted = this.#pending
        ? this.#pending.length < maxPending
        : level <= this.level(category);
      if (level < 1 || level > 4 || !wanted) return;
      const row = makeRow(this.#masker, { ...options, level, category, name, data });
      if (this.#pending) this.#pending.push(row);
      else this.#take(row);
    } catch {
      // Debug records must never fail the agent's work.
    }
  }

  #take(row: DebugRow): void {
    const bytes = fitRow(row);
    if (row.level <= this.#streamed[row.category]) this.#sender.add(row, bytes);
    if (row.level <= this.#kept) this.#keeper.add(row, bytes);
  }
}
