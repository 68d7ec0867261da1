import type { Mayfly, Member } from "@mayfly/sdk";
import { printable } from "../parts/text.ts";
import type { Agents } from "./agents.ts";
import { Version } from "./frame.ts";
import { Soon } from "./soon.ts";

/** Who or what an id stands for. */
export interface Named {
  kind: "agent" | "person" | "service" | "unknown";
  name: string;
}

/** The id that stands for the secret key, which can hold jobs, too. */
const nobody = "00000000-0000-0000-0000-000000000000";

/** Changes of members that follow one another within this time are read together. */
const pauseMs = 300;

/** The names of agents and people by their ids. */
export class Names {
  readonly version = new Version();
  readonly #mayfly: Mayfly;
  readonly #agents: Agents;
  readonly #people = new Map<string, Member>();
  /** People who were members once. The names of those who left while the page was open stay known. */
  readonly #former = new Set<string>();
  /** The people of events that are waiting to be looked up. */
  readonly #wanted = new Set<string>();
  readonly #soon = new Soon(pauseMs, () => this.#read());

  constructor(mayfly: Mayfly, agents: Agents) {
    this.#mayfly = mayfly;
    this.#agents = agents;
  }

  async start(): Promise<void> {
    await this.#read();
  }

  stop(): void {
    this.#soon.stop();
  }

  /** Reads the members again after events about these people. */
  want(people: Iterable<string>): void {
    for (const id of people) this.#wanted.add(id);
    if (this.#wanted.size > 0) this.#soon.call();
  }

  async #read(): Promise<void> {
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    const { data } = await this.#mayfly.people.members.list();
    if (!data) return;
    for (const id of wanted) this.#former.add(id);
    for (const member of data) {
      this.#people.set(member.userId, member);
      this.#former.delete(member.userId);
    }
    this.version.changed();
  }

  knows(person: string): boolean {
    return this.#people.has(person);
  }

  /** The people of the tenant, with their roles. */
  members(): Member[] {
    void this.version.value;
    return [...this.#people.values()].filter(({ userId }) => !this.#former.has(userId));
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
    if (this.#former.has(id)) return { kind: "person", name: "a former member" };
    this.#agents.want([id]);
    return { kind: "unknown", name: `…${id.slice(-4)}` };
  }
}
