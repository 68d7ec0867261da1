import { failed, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { problemOf } from "../contract/storable.ts";
import type { Link } from "../link/link.ts";

import { readAll } from "../link/read-all.ts";
import { type FromRow, fromRow } from "../link/rows.ts";
import { agentTypeRow } from "./answers.ts";
import type { AgentTypeRow } from "./issued.ts";

/** The definition of a type of agents. The spawner decides what you leave out. */
export interface AgentTypeDefinition {
  /** Lower case letters, digits, dots, dashes, underscores; at most 63. */
  name: string;
  role?: string;
  description?: string;
  prompt?: string;
  capabilities?: string[];
  scopes?: string[];
  /** In seconds. It applies if the spawner sets no lifetime. */
  lifetime?: number;
  /** The most seconds that an agent of the type may live. */
  maxLifetime?: number;
  /** How many agents of the type may live at the same time. */
  maxLiving?: number;
  metadata?: Record<string, unknown>;
}

/**
 * A version of a type.
 *
 * @interface
 */
export type AgentType = FromRow<AgentTypeRow>;

const columns =
  "name, version, role, description, prompt, capabilities, scopes, lifetime, max_lifetime, max_living, metadata, created_at";

/** The types of agents that the tenant has defined. Versions never change: every change adds a version. */
export class AgentTypes {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Defines a type. Adds a new version, unless nothing has changed. Agents keep the version with which they
   * were spawned.
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

  /** Lists all versions of all types, or of one, newest first. */
  async list(options: { name?: string } = {}): Promise<Result<AgentType[]>> {
    const answer = await readAll(agentTypeRow, (behind, limit) => {
      let query = this.#link.client.from("agent_types").select(columns);
      // The secret key sees the types of every tenant.
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
