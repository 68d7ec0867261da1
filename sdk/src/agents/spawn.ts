import { list } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { problemOf } from "../contract/storable.ts";
import type { Link } from "../link/link.ts";
import { issued } from "./answers.ts";
import type { Issued } from "./issued.ts";

/** How to spawn an agent. */
export interface AgentBlueprint {
  /**
   * Lower case letters, digits, dots, dashes, underscores; `agent` by default. If the tenant has defined the
   * type, its newest version supplies what you leave out here.
   */
  type?: string;
  /** Seconds, from 5 to the tenant's maximum (15 minutes by default). 300 by default. */
  lifetime?: number;
  /**
   * Whether the agent lives as long as its process renews its token, up to the maximum of its tenant and
   * type. Otherwise the agent ends with its lifetime.
   */
  renew?: boolean;
  capabilities?: string[];
  /** A subset of the caller's scopes. By default, what most agents need. */
  scopes?: string[];
  task?: string;
  metadata?: Record<string, unknown>;
}

export interface SpawnOptions extends AgentBlueprint {
  /** 1 to 100 characters, unique among living agents. Picked from a pool of names if you leave it out. */
  name?: string;
  /**
   * If the same caller uses the same key again, it gets the same agent while that agent lives, and a new one
   * afterwards.
   */
  registrationKey?: string;
}

export interface TeamGroup extends AgentBlueprint {
  /** 1 by default. */
  count?: number;
  /** A pool of names for this group. */
  names?: string[];
}

/** Asks the spawn function for an agent, with the client's identity. */
export function requestAgent(
  link: Link,
  { registrationKey, ...options }: SpawnOptions,
  headers?: Record<string, string>,
): Promise<Result<Issued>> {
  const problem = problemOf(options.metadata ?? {});
  if (problem) return Promise.resolve(failed(invalid("metadata", problem)));
  const body = { ...options, ...(registrationKey && { registration_key: registrationKey }) };
  return link.fn("spawn", issued, body, headers && { headers });
}

/** Spawns agents with the identity of a client, and connects them. */
export class Spawner<Agent> {
  readonly #link: Link;
  readonly #connect: (issued: Issued) => Agent;
  readonly #headers: Record<string, string>;

  constructor(
    link: Link,
    connect: (issued: Issued) => Agent,
    headers: Record<string, string> = {},
  ) {
    this.#link = link;
    this.#connect = connect;
    this.#headers = headers;
  }

  async one(options: SpawnOptions): Promise<Result<Agent>> {
    const answer = await requestAgent(this.#link, options, this.#headers);
    return answer.error ? answer : ok(this.#connect(answer.data));
  }

  /** Spawns all agents or none. */
  async team(team: TeamGroup[]): Promise<Result<Agent[]>> {
    for (const [index, { metadata = {} }] of team.entries()) {
      const problem = problemOf(metadata);
      if (problem) return failed(invalid(`team.${index}.metadata`, problem));
    }
    const headers = this.#headers;
    const answer = await this.#link.fn("spawn/team", list(issued), { team }, { headers });
    return answer.error ? answer : ok(answer.data.map(this.#connect));
  }
}
