import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Agent } from "@mayfly/sdk";
import { type Changes, compare, type Known } from "./compare.ts";
import { textHash, toEpisode, toSummary } from "./episode.ts";
import { extract } from "./extract/index.ts";
import { dataOf, Failure, until } from "./failure.ts";
import type { FoundFile } from "./scan.ts";
import type { Team } from "./team.ts";
import type { Thinking } from "./thinking.ts";

/** The results of reading, counted once they are acknowledged. */
export interface Tally {
  files: number;
  bytes: number;
  added: number;
  changed: number;
  moved: number;
  removed: number;
  unchanged: number;
  unreadable: number;
  /** Sections that the server refused. The next run offers them again. */
  refused: number;
  /** Files that a model has summarised. */
  summaries: number;
}

export function emptyTally(): Tally {
  return {
    files: 0,
    bytes: 0,
    added: 0,
    changed: 0,
    moved: 0,
    removed: 0,
    unchanged: 0,
    unreadable: 0,
    refused: 0,
    summaries: 0,
  };
}

export interface Assignment {
  folder: string;
  tag: string;
  files: readonly FoundFile[];
  lifetime: number;
  /** The memories of each file. */
  known: Map<string, Known[]>;
  /** Reads the memories again. An agent that died may have pushed more than was acknowledged. */
  knownNow: (agent: Agent) => Promise<Map<string, Known[]>>;
  team: Team;
  thinking: Thinking | null;
  signal: AbortSignal;
  onProgress: (done: Tally) => void;
  /**
   * Called when presence fails. Presence is only a hint, so the reading continues, and the report
   * mentions the failure.
   */
  onPresenceError: (message: string) => void;
}

interface Pending {
  file: FoundFile;
  changes: Changes | null;
  /** The text of the file, if a model should summarise it. */
  text?: string;
}

/** Shorter files need no summary. */
const WORTH_SUMMARISING = 300;

/** How many operations a push contains. This is also the most work that a reader can lose on Ctrl-C. */
const PUSH_SIZE = 100;

/**
 * Realtime accepts five presence calls in 30 s. With this pause between two calls, it accepts all of
 * them.
 */
const SHOW_MS = 8_000;

/**
 * Reads files until all are learned. If an agent's lifetime is too short for its share, another agent takes
 * over the rest.
 */
export async function readShare(assignment: Assignment): Promise<void> {
  const { team, lifetime, signal } = assignment;
  const queue = [...assignment.files];
  let known = assignment.known;
  for (let generation = 0; queue.length > 0; generation++) {
    const task = `Read ${queue.length} files of ${assignment.folder}`.slice(0, 500);
    const agent = await team.spawn("reader", lifetime, task);
    if (generation > 0) known = await assignment.knownNow(agent);
    const before = queue.length;
    const reader = new Reader(agent, { ...assignment, known });
    const { thinking } = assignment;
    await (thinking ? thinking.as(agent, () => reader.read(queue)) : reader.read(queue));
    await team.end(agent, queue.length === 0 ? "read its share" : "its life was too short");
    signal.throwIfAborted();
    if (queue.length === before) {
      if (thinking?.problem) throw thinking.problem;
      throw new Failure(
        `${agent.name} could learn nothing in its ${lifetime} s; give the agents a longer --lifetime.`,
        { code: "lifetime_too_short" },
      );
    }
  }
}

class Reader {
  readonly #agent: Agent;
  readonly #assignment: Assignment;
  #pending: Pending[] = [];
  #operations = 0;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(agent: Agent, assignment: Assignment) {
    this.#agent = agent;
    this.#assignment = assignment;
  }

  /**
   * Takes files from the queue once they are acknowledged. If the agent ends before that, the files
   * that were not acknowledged stay in the queue.
   */
  async read(queue: FoundFile[]): Promise<void> {
    await this.#show(
      `reading its ${queue.length === 1 ? "file" : `${queue.length.toLocaleString("en-US")} files`}`,
      true,
    );
    while (queue.length > this.#pending.length && this.#hasTime()) {
      this.#assignment.signal.throwIfAborted();
      const file = queue[this.#pending.length];
      if (!file) break;
      await this.#show(`reading ${file.path}`, false);
      await this.#learn(file);
      if (this.#operations >= PUSH_SIZE && !(await this.#push(queue))) return;
    }
    await this.#push(queue);
  }

  async #learn(file: FoundFile): Promise<void> {
    const { folder, tag, known, thinking } = this.#assignment;
    const text = await readFile(join(folder, file.path), "utf8").catch(() => null);
    if (text === null) {
      this.#pending.push({ file, changes: null });
      return;
    }
    const before = known.get(file.path) ?? [];
    const changes = compare(extract(file.path, text), before);
    const summary = before.find((one) => one.summary);
    const isTold = summary?.hash === textHash(text) || text.length < WORTH_SUMMARISING;
    // Memories that are no longer true and have no replacement.
    const stale = summary && !isTold && !thinking ? [summary] : [];
    // New memories are pushed before old ones are forgotten, so that an interruption may leave a
    // memory too many, but never loses one.
    const renewed = [...changes.changed, ...changes.moved];
    for (const section of [...changes.added, ...renewed.map((one) => one.section)]) {
      dataOf(
        `Remembering ${file.path}:${section.line} failed`,
        await this.#agent.remember(toEpisode(section, file.path, tag)),
      );
    }
    for (const { id } of [...renewed.map((one) => one.before), ...changes.gone, ...stale]) {
      dataOf("Forgetting failed", await this.#agent.memory.forget(id));
    }
    const forgotten = renewed.length + changes.gone.length + stale.length;
    this.#operations += changes.added.length + renewed.length + forgotten;
    this.#pending.push({ file, changes, ...(thinking && !isTold && { text }) });
  }

  /** Returns false if the agent died before its push was acknowledged. */
  async #push(queue: FoundFile[]): Promise<boolean> {
    const { signal, team, onProgress } = this.#assignment;
    let refused = 0;
    const summaries = await this.#summarise().catch((error: unknown) => {
      if (Date.now() >= this.#agent.expiresAt.getTime()) return null;
      throw error;
    });
    if (summaries === null) return false;
    if (this.#operations + summaries > 0) {
      const result = await until(signal, this.#agent.sync({ pull: false }));
      if (result.error && Date.now() >= this.#agent.expiresAt.getTime()) return false;
      const { rejected } = dataOf(`${this.#agent.name} could not push what it learned`, result);
      refused = rejected;
    }
    queue.splice(0, this.#pending.length);
    const done = { ...tallyOf(this.#pending), refused, summaries };
    const member = team.of(this.#agent);
    member.files += done.files;
    member.episodes += learnedOf(done);
    onProgress(done);
    this.#pending = [];
    this.#operations = 0;
    return true;
  }

  /** Has a model summarise new and changed files. */
  async #summarise(): Promise<number> {
    const { thinking, tag } = this.#assignment;
    const files = this.#pending.flatMap(({ file: { path }, text }) =>
      text === undefined ? [] : [{ path, text }],
    );
    if (!thinking || files.length === 0) return 0;
    const said = await thinking.summarise(this.#agent, files);
    for (const { path, text } of files) {
      const summary = said.get(path);
      if (summary === undefined) continue;
      const remembered = await this.#agent.remember(toSummary(path, summary, text, tag));
      dataOf(`Remembering what ${path} is about failed`, remembered);
    }
    return said.size;
  }

  /** Whether the agent can continue and still has time to push and to leave. */
  #hasTime(): boolean {
    const { thinking, lifetime } = this.#assignment;
    const margin = thinking
      ? Math.min(30, Math.max(3, lifetime * 0.3))
      : Math.min(10, Math.max(1.5, lifetime * 0.15));
    return Date.now() < this.#agent.expiresAt.getTime() - margin * 1000;
  }

  async #show(status: string, wait: boolean): Promise<void> {
    if (performance.now() - this.#shownAt < SHOW_MS) return;
    this.#shownAt = performance.now();
    const tracked = this.#agent.presence.track({ status, task: this.#assignment.folder }).then(
      ({ error }) => {
        if (error) this.#assignment.onPresenceError(error.message);
      },
      (error: unknown) => this.#assignment.onPresenceError(String(error)),
    );
    if (wait) await until(this.#assignment.signal, tracked);
  }
}

function tallyOf(pending: readonly Pending[]): Tally {
  const tally = emptyTally();
  for (const { file, changes } of pending) {
    if (!changes) {
      tally.unreadable++;
      continue;
    }
    tally.files++;
    tally.bytes += file.bytes;
    tally.added += changes.added.length;
    tally.changed += changes.changed.length;
    tally.moved += changes.moved.length;
    tally.removed += changes.gone.length;
    tally.unchanged += changes.unchanged;
  }
  return tally;
}

/** The number of episodes in a tally. */
export function learnedOf(tally: Tally): number {
  return tally.added + tally.changed + tally.moved - tally.refused;
}

/** Adds one tally to another. */
export function addTally(total: Tally, more: Tally): void {
  for (const key of Object.keys(more) as (keyof Tally)[]) total[key] += more[key];
}
