import type { Fact, Mayfly } from "@mayfly/sdk";
import { oneLine, preview } from "../parts/text.ts";
import type { Happening } from "./events.ts";
import { Version } from "./frame.ts";
import type { Space } from "./space.ts";

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

const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;

/** A text with names where it has ids: of agents and people in full, of others the end. */
export const withNames = ({ names, subjects }: Space, text: string): string =>
  text.replace(uuid, (id) => subjects.get(id) ?? names.of(id).name);

/** What an event is about, in words, where the page knows it; else null. */
export function subjectOf(space: Space, event: Happening): string | null {
  const { kind, subject, type } = event;
  if (subject === null) return null;
  if (kind === "agent") return aboutAgent(space, subject, type);
  if (kind === "message") return aboutMessage(space, subject);
  if (kind === "memory") return space.events.memories.get(subject) ?? null;
  if (kind === "member") return space.names.of(subject).name;
  return space.subjects.get(subject) ?? null;
}

function aboutAgent(space: Space, id: string, type: string): string {
  const life = space.agents.get(id);
  const reasons = { "agent.stopped": life?.stopReason, "agent.suspended": life?.suspendReason };
  const reason = reasons[type as keyof typeof reasons];
  const { name } = space.names.of(id);
  return reason ? `${name}: ${oneLine(reason)}` : name;
}

function aboutMessage(space: Space, id: string): string | null {
  const message = space.messages.get(id);
  if (!message) return null;
  const to = message.deliveries.map(({ recipientId }) => space.names.of(recipientId).name);
  const target = to.length > 3 ? `${to.length} recipients` : to.join(", ");
  return `${message.type}${target ? ` to ${target}` : ""}: ${preview(message.payload)}`;
}
