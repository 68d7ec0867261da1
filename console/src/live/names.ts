import type { Mayfly, Member } from "@mayfly/sdk";
import { printable } from "../parts/text.ts";
import type { Agents } from "./agents.ts";
import { Version } from "./frame.ts";

/** Who or what an id stands for. */
export interface Named {
  kind: "agent" | "person" | "service" | "unknown";
  name: string;
}

/** The id that stands for the secret key, which can hold jobs, too. */
const nobody = "00000000-0000-0000-0000-000000000000";

/** The names of agents and people by their ids. */
export class Names {
  readonly version = new Version();
  readonly #mayfly: Mayfly;
  readonly #agents: Agents;
  readonly #people = new Map<string, Member>();

  constructor(mayfly: Mayfly, agents: Agents) {
    this.#mayfly = mayfly;
    this.#agents = agents;
  }

  async start(): Promise<void> {
    const { data } = await this.#mayfly.people.members.list();
    for (const member of data ?? []) this.#people.set(member.userId, member);
    this.version.changed();
  }

  /** The people of the tenant, with their roles. */
  members(): Member[] {
    void this.version.value;
    return [...this.#people.values()];
  }

  /**
   * The name of the agent or person with this id. An unknown name is looked up, and `version`
   * changes when it arrives.
   */
  of(id: string | null): Named {
    void this.version.value;
    void this.#agents.version.value;
    if (id === null || id === nobody) return { kind: "service", name: "the secret key" };
    const agent = this.#agents.get(id);
    if (agent) return { kind: "agent", name: printable(agent.name) };
    const person = this.#people.get(id);
    if (person) return { kind: "person", name: printable(person.email ?? "a person") };
    this.#agents.want([id]);
    return { kind: "unknown", name: `…${id.slice(-4)}` };
  }
}
