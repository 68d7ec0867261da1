import type { Agent, Mayfly } from "@mayfly/sdk";
import { dataOf, until, within } from "./failure.ts";
import { namer } from "./names.ts";

/** An agent of this run and its work, for the report. */
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

/** Exactly the scopes that each role needs. */
const scopes = {
  lead: ["memory:read", "memory:write"],
  reader: ["memory:read", "memory:write", "presence:write"],
  newcomer: ["memory:read"],
} as const satisfies Record<Role, readonly string[]>;

/**
 * How long to wait for a stop to arrive. If it does not reach an agent, the agent ends when its
 * lifetime is over.
 */
const STOP_MS = 2500;

/** Every agent that this run spawned, so that none of them outlives it. */
export class Team {
  readonly members: Member[] = [];
  readonly #mayfly: Mayfly;
  readonly #signal: AbortSignal;
  readonly #living = new Map<Agent, Member>();
  readonly #nextName = namer();
  readonly #more: readonly string[];

  /** @param more additional scopes of readers and the newcomer if they use a model. */
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

  /** The spawns that have no answer yet. The agents that they make must end, too. */
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
