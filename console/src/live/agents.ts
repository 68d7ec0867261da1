import type { AgentLife, Mayfly } from "@mayfly/sdk";
import { Fetcher } from "./fetcher.ts";
import { Version } from "./frame.ts";

/** How far back the page shows agents. */
export const hourMs = 3_600_000;
/** How often living agents are looked up again, because no event says that a renewal has extended a life. */
const lookAgainMs = 15_000;
const most = 1_000;

/** The agents that were alive within the past hour, and every agent that something else mentions. */
export class Agents {
  readonly version = new Version();
  readonly #mayfly: Mayfly;
  readonly #lives = new Map<string, AgentLife>();
  /** Ids that were looked up and not found, such as people, or agents of another tenant. */
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

  /** All known agents, in no particular order. */
  all(): IterableIterator<AgentLife> {
    return this.#lives.values();
  }

  /** Those that were alive within the hour before an instant. Others are known because something mentions them. */
  within(at: number): AgentLife[] {
    return [...this.#lives.values()].filter(
      (life) => life.spawnedAt.getTime() <= at && this.endOf(life) >= at - hourMs,
    );
  }

  /** Looks up those of these agents that are not known yet. With `again`, looks up all of them. */
  want(ids: Iterable<string | null>, again = false): void {
    const wanted: string[] = [];
    for (const id of ids)
      if (id !== null && (again || !(this.#lives.has(id) || this.#unknown.has(id))))
        wanted.push(id);
    this.#fetcher.want(wanted);
  }

  /**
   * When an agent's life ended, or will end unless it is renewed. This is never after the end of its
   * parent's life.
   */
  endOf(life: AgentLife): number {
    const own = ownEnd(life);
    const parent = this.get(life.parentId);
    return parent ? Math.min(own, this.endOf(parent)) : own;
  }

  /** An agent's status at an instant, which also depends on its ancestors. */
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
    // An agent ends when its parent ends. The parent may have ended so long ago that nothing else
    // mentions it, so look it up.
    this.want(lives.map(({ parentId }) => parentId));
    if (lives.length > 0) this.version.changed();
  }
}

/** The agent's status at an instant. */
export type Condition = "running" | "suspended" | "stopped" | "expired";

const ownEnd = ({ stoppedAt, expiresAt }: AgentLife): number => (stoppedAt ?? expiresAt).getTime();
