import { failed, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { problemOf } from "../contract/storable.ts";
import type { Link } from "../link/link.ts";

import { readAll } from "../link/read-all.ts";
import { type FromRow, fromRow } from "../link/rows.ts";
import { agentTypeRow } from "./answers.ts";
import type { AgentTypeRow } from "./issued.ts";

/** What is defined of a type of agents. What is left out is left to whoever spawns one. */
export interface AgentTypeDefinition {
  /** Lower case letters, digits, dots, dashes, underscores; 63 at most. */
  name: string;
  role?: string;
  description?: string;
  prompt?: string;
  capabilities?: string[];
  scopes?: string[];
  /** Seconds, where the spawner says nothing. */
  lifetime?: number;
  /** Seconds that one may live at most. */
  maxLifetime?: number;
  /** How many of the type may live at once. */
  maxLiving?: number;
  metadata?: Record<string, unknown>;
}

/**
 * A version of a type, as it was defined.
 *
 * @interface
 */
export type AgentType = FromRow<AgentTypeRow>;

const columns =
  "name, version, role, description, prompt, capabilities, scopes, lifetime, max_lifetime, max_living, metadata, created_at";

/** The types of agents that the tenant has defined. Versions never change: a change makes another. */
export class AgentTypes {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Defines a type: a new version, unless nothing has changed. Agents keep the version that they
   * were spawned with.
   *
   * @example
   * await mayfly.agents.types.define({
   *   name: "reviewer",
   *   role: "Reviews changes",
   *   prompt: "You review …",
   *   capabilities: ["review"],
   *   maxLiving: 5,
   * });
   */
  async define(definition: AgentTypeDefinition): Promise<Result<AgentType>> {
    const { maxLifetime, maxLiving, ...rest } = definition;
    const problem = problemOf(rest.metadata ?? {});
    if (problem) return failed(invalid("metadata", problem));
    const answer = await this.#link.rpc(
      "define_agent_type",
      {
        ...rest,
        ...(maxLifetime !== undefined && { max_lifetime: maxLifetime }),
        ...(maxLiving !== undefined && { max_living: maxLiving }),
      },
      agentTypeRow,
    );
    return answer.error ? answer : ok(fromRow(answer.data));
  }

  /** All versions of all types, or of one; the newest first. */
  async list(options: { name?: string } = {}): Promise<Result<AgentType[]>> {
    const answer = await readAll(agentTypeRow, (behind, limit) => {
      let query = this.#link.client.from("agent_types").select(columns);
      // The secret key sees every tenant's.
      if (this.#link.tenantId) query = query.eq("tenant_id", this.#link.tenantId);
      if (options.name) query = query.eq("name", options.name);
      if (behind) {
        const { name, version } = behind;
        query = query.or(`name.gt."${name}",and(name.eq."${name}",version.lt.${version})`);
      }
      return query.order("name").order("version", { ascending: false }).limit(limit);
    });
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }
}
