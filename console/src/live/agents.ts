import type { AgentLife, Mayfly } from "@mayfly/sdk";
import { Fetcher } from "./fetcher.ts";
import { Version } from "./frame.ts";

/** How far back the page shows lives. */
export const hourMs = 3_600_000;
/** A renewed token gives an agent time without an event: so the living are looked at again. */
const lookAgainMs = 15_000;
const most = 1_000;

/** The agents that have lived within the hour, and each that something else names. */
export class Agents {
  readonly version = new Version();
  readonly #mayfly: Mayfly;
  readonly #lives = new Map<string, AgentLife>();
  /** Asked for, and not there: a person, or of another tenant. */
  readonly #unknown = new Set<string>();
  readonly #fetcher: Fetcher;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(mayfly: Mayfly) {
    this.#mayfly = mayfly;
    this.#fetcher = new Fetcher((ids) => this.#fetch(ids));
  }

  async start(): Promise<void> {
    await this.#read(new Date(Date.now() - hourMs));
    this.#timer = setInterval(() => void this.#read(new Date()), lookAgainMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#fetcher.end();
  }

  get(id: string | null): AgentLife | undefined {
    return id === null ? undefined : this.#lives.get(id);
  }

  /** All that are known, in no order. */
  all(): IterableIterator<AgentLife> {
    return this.#lives.values();
  }

  get count(): number {
    return this.#lives.size;
  }

  /** Learns of those that are not known yet; with `again`, of all. */
  want(ids: Iterable<string | null>, again = false): void {
    const wanted: string[] = [];
    for (const id of ids)
      if (id !== null && (again || !(this.#lives.has(id) || this.#unknown.has(id))))
        wanted.push(id);
    this.#fetcher.want(wanted);
  }

  /** When its life was over, or will be unless it is renewed: with its parent's at the latest. */
  endOf(life: AgentLife): number {
    const own = ownEnd(life);
    const parent = this.get(life.parentId);
    return parent ? Math.min(own, this.endOf(parent)) : own;
  }

  /** Whether it, and each of its ancestors, runs at an instant. */
  conditionAt(life: AgentLife, at: number): Condition {
    const { status, stoppedAt, expiresAt, suspendedAt } = life;
    if (stoppedAt && stoppedAt.getTime() <= at) return status === "expired" ? "expired" : "stopped";
    if (expiresAt.getTime() <= at) return "expired";
    const parent = this.get(life.parentId);
    const above = parent ? this.conditionAt(parent, at) : "running";
    if (above !== "running") return above;
    return status === "suspended" && suspendedAt && suspendedAt.getTime() <= at
      ? "suspended"
      : "running";
  }

  async #read(since: Date): Promise<void> {
    const { data } = await this.#mayfly.agents.list({ since, limit: most });
    if (data) this.#keep(data);
  }

  async #fetch(ids: string[]): Promise<void> {
    const { data } = await this.#mayfly.agents.list({ ids });
    if (!data) return;
    for (const id of ids) this.#unknown.add(id);
    this.#keep(data);
  }

  #keep(lives: AgentLife[]): void {
    for (const life of lives) {
      this.#lives.set(life.id, life);
      this.#unknown.delete(life.id);
    }
    // An agent ends with its parent, whose own end may be long ago.
    this.want(lives.map(({ parentId }) => parentId));
    if (lives.length > 0) this.version.changed();
  }
}

/** How it is at an instant. */
export type Condition = "running" | "suspended" | "stopped" | "expired";

const ownEnd = ({ stoppedAt, expiresAt }: AgentLife): number => (stoppedAt ?? expiresAt).getTime();
