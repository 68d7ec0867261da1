import type { Fact, Mayfly } from "@mayfly/sdk";
import { oneLine, preview } from "../parts/text.ts";
import type { Happening } from "./events.ts";
import { Version } from "./frame.ts";

/** Looked up together, and not again before this: what is missing then is not there, or not to be read. */
const pauseMs = 1_000;

/** What jobs, channels and states are called: an event has their ids alone. */
export class Subjects {
  readonly version = new Version();
  readonly #mayfly: Mayfly;
  readonly #names = new Map<string, string>();
  readonly #wanted = new Map<string, Set<string | null>>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(mayfly: Mayfly) {
    this.#mayfly = mayfly;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  get(id: string): string | undefined {
    return this.#names.get(id);
  }

  /** Learns what these events are about, where it is not known yet. */
  want(happened: readonly Happening[]): void {
    for (const { kind, subject, agentId } of happened) {
      if (subject === null || this.#names.has(subject)) continue;
      if (!["job", "channel", "state", "fact", "run"].includes(kind)) continue;
      this.#wanted.set(kind, (this.#wanted.get(kind) ?? new Set()).add(agentId));
    }
    if (this.#wanted.size > 0)
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        void this.#look();
      }, pauseMs);
  }

  async #look(): Promise<void> {
    const wanted = new Map(this.#wanted);
    this.#wanted.clear();
    const { jobs, channels, state, facts, runs } = this.#mayfly;
    if (wanted.has("job"))
      for (const { id, name } of (await jobs.list({ limit: 500 })).data ?? [])
        this.#names.set(id, oneLine(name));
    if (wanted.has("run"))
      for (const { id, agent } of (await runs.list({ limit: 200 })).data ?? [])
        this.#names.set(id, oneLine(agent));
    if (wanted.has("channel"))
      for (const { id, name } of (await channels.list()).data ?? [])
        this.#names.set(id, `#${oneLine(name)}`);
    const owners = wanted.get("state");
    if (owners) {
      // A shared one, or one of whoever changed it.
      const own = [...owners].filter((id) => id !== null).map((id) => state.of(id));
      for (const states of [state, ...own])
        for (const { id, key } of (await states.list({ limit: 500 })).data ?? [])
          this.#names.set(id, oneLine(key));
    }
    if (wanted.has("fact"))
      for (const fact of (await facts.list({ limit: 200 })).data ?? [])
        this.#names.set(fact.id, sayFact(fact));
    this.version.changed();
  }
}

const sayFact = ({ subject, predicate, object, value }: Fact): string =>
  oneLine(`${subject.name} ${predicate} ${object?.name ?? preview(value, 60)}`);
