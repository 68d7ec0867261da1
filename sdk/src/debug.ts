import { v7 as uuidv7 } from "uuid";
import { fromDataApi, type MayflyClient } from "./call.ts";
import { DebugBuffer } from "./debug-buffer.ts";
import {
  type DebugBatch,
  type DebugCategory,
  type DebugLevel,
  type DebugOrders,
  type DebugRow,
  debugTopic,
  defaultLevels,
  levelOf,
  type Thresholds,
  thresholdsOf,
} from "./debug-levels.ts";
import { Masker, type MaskRules } from "./debug-mask.ts";
import { DebugPump } from "./debug-pump.ts";
import { inboxTopic } from "./nudges.ts";
import { joinTopic, type Topic } from "./topics.ts";

/** How the debug streams of a process behave. */
export interface DebugOptions {
  /** What is masked beside what always is: see the README. */
  mask?: MaskRules;
  /** Broadcasts a second of one agent at most; 10 by default and at most, less when many are watched. */
  sendsPerSecond?: number;
  /** Records that wait to be sent at most: the newest are kept. 1,000 by default, and 1 MB. */
  bufferRecords?: number;
}

/** What a record tells, or a function that gives it: called only when somebody wants it. */
export type DebugData = unknown;

/** What a record says beside its data. */
export interface RecordOptions {
  /** By default that of its category. */
  level?: DebugLevel;
  durationMs?: number;
}

interface Owner {
  tenantId: string;
  id: string;
  scopes: string[];
}

const silent = thresholdsOf(() => 0);
/** The buffer's bound in bytes. */
const bufferBytes = 1_000_000;
/** A larger record is cut down to its name. */
const maxRecordBytes = 32_000;
/** What is recorded until the server has said whether it is wanted. */
const maxPending = 200;
const pendingMs = 10_000;
const appendEveryMs = 1_000;
/** Who watches every agent hears of a new one by the log, and needs so long to join its stream. */
const newcomerMs = 2_000;
const encoder = new TextEncoder();

/**
 * What an agent tells of its work in detail: nothing until somebody watches (or the tenant keeps it),
 * then up to the level that was asked for. The first call opens the agent's live connection in the
 * background; a call that nobody wants costs nothing. No call throws, waits, or fails the agent's work.
 *
 * Levels by default: error, lifecycle, task 1 (basic); step, message, tool 2 (detailed); decision,
 * memory 3 (verbose); thought 4 (trace).
 *
 * @example
 * agent.debug.task("Read the migration", { file });
 * agent.debug.thought("why", () => ({ prompt: longPrompt() })); // called only when it is wanted
 * agent.debug.tool("search", { query }, { durationMs: 41 });
 */
export class Debug {
  readonly #client: MayflyClient;
  readonly #owner: Owner;
  readonly #masker: Masker;
  readonly #maxRate: number;
  readonly #stream = uuidv7();
  readonly #bornAt = performance.now();
  readonly #sending: DebugBuffer;
  readonly #keeping: DebugBuffer;
  readonly #sender: DebugPump;
  readonly #keeper: DebugPump;
  /** The highest level that anything is recorded at; 0: off. */
  #top = 0;
  /** Whether a call opens the live connection. */
  #opens: boolean;
  #streamed: Thresholds = silent;
  #kept = 0;
  #pending: DebugRow[] | null = null;
  #topic: Topic | undefined;
  #joining = false;
  #lapse: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @internal */
  constructor(client: MayflyClient, owner: Owner, options: DebugOptions = {}) {
    this.#client = client;
    this.#owner = owner;
    this.#masker = new Masker(options.mask);
    this.#maxRate = Math.min(options.sendsPerSecond ?? 10, 10);
    const records = options.bufferRecords ?? 1_000;
    this.#sending = new DebugBuffer(records, bufferBytes);
    this.#keeping = new DebugBuffer(records, bufferBytes);
    this.#sender = new DebugPump(this.#sending, 1_000 / this.#maxRate, (batch) =>
      this.#broadcast({ ...batch, stream: this.#stream }),
    );
    this.#keeper = new DebugPump(this.#keeping, appendEveryMs, (batch) => this.#append(batch));
    this.#opens = owner.scopes.includes("debug:write");
  }

  /** It began, was renewed, ends. */
  lifecycle(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("lifecycle", name, data, options);
    else if (this.#opens) this.#openFor("lifecycle", name, data, options);
  }
  /** What it works on. */
  task(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("task", name, data, options);
    else if (this.#opens) this.#openFor("task", name, data, options);
  }
  /** A part of the task. */
  step(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("step", name, data, options);
    else if (this.#opens) this.#openFor("step", name, data, options);
  }
  /** What it chose, of what, why. */
  decision(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("decision", name, data, options);
    else if (this.#opens) this.#openFor("decision", name, data, options);
  }
  /** What went through its mind: prompts, completions. */
  thought(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("thought", name, data, options);
    else if (this.#opens) this.#openFor("thought", name, data, options);
  }
  /** What it remembered and recalled. The SDK records its own. */
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
  /** What went wrong; `data` may be the Error. */
  error(name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record("error", name, data, options);
    else if (this.#opens) this.#openFor("error", name, data, options);
  }

  /**
   * Up to which level a category is wanted by now; 0: not at all.
   *
   * @example
   * if (agent.debug.level("thought") >= 4) agent.debug.thought("scores", await allScores());
   */
  level(category: DebugCategory): number {
    return Math.max(this.#streamed[category], this.#kept);
  }

  /** Records that were wanted, and had to make room for newer ones before they could be sent. */
  get dropped(): number {
    return this.#sending.dropped + this.#keeping.dropped;
  }

  /** @internal For the SDK's own records: these open no connection. */
  note(category: DebugCategory, name: string, data?: DebugData, options?: RecordOptions): void {
    if (this.#top > 0) this.#record(category, name, data, options);
  }

  /** @internal Listens for what is to be recorded; the agent has, or opens, its live connection. */
  listen(): void {
    if (!this.#opens || this.#closed) return;
    this.#opens = false;
    this.#pending = [];
    this.#top = 4;
    this.#planLapse(pendingMs);
    const topic = inboxTopic(this.#owner.tenantId, this.#owner.id);
    void joinTopic(this.#client, topic, {
      onMessage: (event, payload) => {
        if (event === "debug_level") this.#obey(payload as unknown as DebugOrders);
      },
      onJoined: (joined) => {
        if (joined) void this.#ask();
      },
    }).catch(() => {});
  }

  /** @internal Sends what waits, as far as it gets in a second. */
  async flush(timeoutMs = 1_000): Promise<void> {
    if (!this.#topic?.joined && this.#kept === 0) return;
    await Promise.all([this.#sender.flush(timeoutMs), this.#keeper.flush(timeoutMs)]);
  }

  /** @internal Records no more. Its topics are left with the agent's others. */
  close(): void {
    this.#closed = true;
    this.#opens = false;
    this.#top = 0;
    this.#kept = 0;
    this.#streamed = silent;
    this.#pending = null;
    clearTimeout(this.#lapse);
    this.#sender.stop();
    this.#keeper.stop();
  }

  #openFor(category: DebugCategory, name: string, data: DebugData, options?: RecordOptions): void {
    try {
      this.listen();
      this.#record(category, name, data, options);
    } catch {
      // Nothing here is worth the agent's work.
    }
  }

  async #ask(): Promise<void> {
    const { data } = fromDataApi(await this.#client.rpc("debug_level"));
    // Without an answer the next order, or the next join, says it.
    if (data) this.#obey(data as unknown as DebugOrders);
  }

  #obey(orders: DebugOrders): void {
    if (this.#closed || typeof orders?.levels !== "object" || orders.levels === null) return;
    const { levels, seconds, all, sends_per_second, persist } = orders;
    this.#streamed = thresholdsOf((category) => Number(levels[category]) || 0);
    this.#kept = Number(persist) || 0;
    const rate = Math.min(this.#maxRate, Number(sends_per_second) || this.#maxRate);
    this.#sender.intervalMs = 1_000 / rate;
    this.#sender.notBefore = all ? this.#bornAt + newcomerMs : 0;
    const pending = this.#pending ?? [];
    this.#pending = null;
    this.#settle();
    this.#planLapse((Number(seconds) || 0) * 1_000);
    for (const row of pending) this.#take(row);
  }

  /** The leases are over, unless an order comes. */
  #planLapse(ms: number): void {
    clearTimeout(this.#lapse);
    if (ms <= 0) return;
    this.#lapse = setTimeout(() => {
      this.#pending = null;
      this.#streamed = silent;
      this.#settle();
    }, ms);
    (this.#lapse as { unref?: () => void }).unref?.();
  }

  #settle(): void {
    const streamed = Math.max(...Object.values(this.#streamed));
    this.#top = Math.max(streamed, this.#kept);
    if (streamed > 0) this.#join();
    else {
      this.#sending.clear();
      const topic = this.#topic;
      this.#topic = undefined;
      void topic?.leave();
    }
    if (this.#kept === 0) this.#keeping.clear();
  }

  #join(): void {
    if (this.#topic || this.#joining) return;
    this.#joining = true;
    void joinTopic(this.#client, debugTopic(this.#owner.tenantId, this.#owner.id), {
      onJoined: (joined) => {
        if (joined) this.#sender.wake();
      },
    })
      .then(
        (topic) => {
          this.#topic = topic;
        },
        () => {},
      )
      .finally(() => {
        this.#joining = false;
        // Released while it was joined.
        if (Math.max(...Object.values(this.#streamed)) === 0) this.#settle();
        else this.#sender.wake();
      });
  }

  #record(category: DebugCategory, name: string, data: DebugData, options?: RecordOptions): void {
    try {
      const level = options?.level === undefined ? defaultLevels[category] : levelOf(options.level);
      const wanted = this.#pending !== null || level <= this.level(category);
      if (level < 1 || level > 4 || !wanted) return;
      const row = this.#rowOf(level, category, name, data, options?.durationMs);
      if (!this.#pending) this.#take(row);
      else if (this.#pending.length < maxPending) this.#pending.push(row);
    } catch {
      // Nothing here is worth the agent's work.
    }
  }

  #rowOf(
    level: number,
    category: DebugCategory,
    name: string,
    data: DebugData,
    durationMs: number | undefined,
  ): DebugRow {
    const told = this.#masker.copy(readData(data));
    const row: DebugRow = {
      id: uuidv7(),
      level,
      category,
      name: this.#masker.text(String(name)).slice(0, 200).toWellFormed() || category,
      at: new Date().toISOString(),
    };
    if (told !== undefined) row.data = told;
    if (durationMs !== undefined && durationMs >= 0 && durationMs < 1e9)
      row.duration_ms = durationMs;
    return row;
  }

  #take(row: DebugRow): void {
    let bytes = encoder.encode(JSON.stringify(row)).length;
    if (bytes > maxRecordBytes) {
      row.data = { left_out: "too large", bytes };
      bytes = encoder.encode(JSON.stringify(row)).length;
    }
    if (row.level <= this.#streamed[row.category]) {
      this.#sending.add(row, bytes);
      this.#sender.wake();
    }
    if (row.level <= this.#kept) {
      this.#keeping.add(row, bytes);
      this.#keeper.wake();
    }
  }

  async #broadcast(batch: DebugBatch) {
    // It goes on when the topic is joined.
    if (!this.#topic?.joined) return { again: 1_000 };
    const { error } = await this.#topic.send("records", { ...batch });
    return error ? { again: null } : "arrived";
  }

  async #append({ records, dropped }: { records: DebugRow[]; dropped: number }) {
    const answer = fromDataApi(
      await this.#client.rpc("append_debug", { records, dropped } as never),
    );
    if (!answer.error) {
      this.#kept = Number((answer.data as unknown as DebugOrders).persist) || 0;
      this.#top = Math.max(...Object.values(this.#streamed), this.#kept);
      return "arrived";
    }
    const { code, details } = answer.error;
    if (code === "rate_limited") {
      const after = (details as { retry_after?: number } | null)?.retry_after ?? 60;
      return { again: after * 1_000 };
    }
    return code === "unavailable" || code === "internal" ? { again: null } : "never";
  }
}

function readData(data: DebugData): unknown {
  if (typeof data !== "function") return data;
  try {
    return (data as () => unknown)();
  } catch (error) {
    return { could_not_be_read: error };
  }
}
