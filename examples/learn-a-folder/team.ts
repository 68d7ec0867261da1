import type { Agent, Mayfly } from "@mayfly/sdk";
import { dataOf, until, within } from "./failure.ts";
import { namer } from "./names.ts";

/** An agent of this run, and what it did, for the report. */
export interface Member {
  id: string;
  name: string;
  role: Role;
  spawnedAt: Date;
  endedAt: Date | null;
  files: number;
  episodes: number;
}

export type Role = "lead" | "reader" | "newcomer";

/** What each role may do, and no more. */
const scopes = {
  lead: ["memory:read", "memory:write"],
  reader: ["memory:read", "memory:write", "presence:write"],
  newcomer: ["memory:read"],
} as const satisfies Record<Role, readonly string[]>;

/** Long enough for a stop to travel; an agent that it misses ends by its lifetime. */
const STOP_MS = 2500;

/** Every agent that this run spawned, so that none of them outlives it. */
export class Team {
  readonly members: Member[] = [];
  readonly #mayfly: Mayfly;
  readonly #signal: AbortSignal;
  readonly #living = new Map<Agent, Member>();
  readonly #nextName = namer();
  readonly #more: readonly string[];

  /** @param more scopes of readers and the newcomer, where they think with a model. */
  constructor(mayfly: Mayfly, signal: AbortSignal, more: readonly string[] = []) {
    this.#mayfly = mayfly;
    this.#signal = signal;
    this.#more = more;
  }

  async spawn(role: Role, lifetime: number, task: string): Promise<Agent> {
    this.#signal.throwIfAborted();
    const spawning = this.#mayfly
      .spawn({
        name: this.#nextName(),
        type: role,
        lifetime,
        task,
        capabilities: role === "reader" ? ["read"] : [],
        scopes: [...scopes[role], ...(role === "lead" ? [] : this.#more)],
      })
      .then((result) => {
        const agent = dataOf("Spawning an agent failed", result);
        const { id, name } = agent;
        const member = { id, name, role, spawnedAt: new Date(), endedAt: null };
        this.#living.set(agent, { ...member, files: 0, episodes: 0 });
        this.members.push(this.of(agent));
        return agent;
      });
    this.#spawning.add(spawning);
    spawning.catch(() => {}).finally(() => this.#spawning.delete(spawning));
    return until(this.#signal, spawning);
  }

  /** Spawns whose answer is on its way: their agents have to end too. */
  readonly #spawning = new Set<Promise<Agent>>();

  of(agent: Agent): Member {
    const member = this.#living.get(agent);
    if (!member) throw new Error(`${agent.name} is not alive.`);
    return member;
  }

  async end(agent: Agent, reason: string): Promise<void> {
    const member = this.#living.get(agent);
    if (!member) return;
    this.#living.delete(agent);
    await within(
      STOP_MS,
      agent.stop(reason).then(() => agent.close()),
    );
    member.endedAt = new Date();
  }

  async endAll(reason: string): Promise<void> {
    await within(STOP_MS, Promise.allSettled(this.#spawning));
    await Promise.all([...this.#living.keys()].map((agent) => this.end(agent, reason)));
  }
}
