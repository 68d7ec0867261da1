import type { Artifacts } from "../artifacts/artifacts.ts";
import { ok, type Result } from "../contract/errors.ts";
import type { Budget } from "../costs/types.ts";
import type { NewMemory } from "../memory/memory.ts";
import type { Recall, RecallOptions } from "../memory/recall.ts";
import type { States } from "../state/states.ts";
import type { State, StateInfo, WriteOptions } from "../state/types.ts";
import type { Change } from "../state/update.ts";
import type { TeamAlert, WatchTeamOptions } from "./alert-types.ts";
import type { Team } from "./types.ts";
import type { TeamWatch } from "./watch.ts";

/** What a team's memories are stored and found by. @internal */
export interface BoardMemory {
  remember(memory: NewMemory): Promise<Result<{ id: string }>>;
  recall(query: string, options?: RecallOptions): Promise<Result<Recall>>;
}

/**
 * What a team writes down for itself: states under `team/<id>/`, and memories with the tag `team:<id>`. Every
 * agent of the tenant that may read states and memories can read them.
 */
export class Blackboard {
  readonly #states: States;
  readonly #memory: BoardMemory;
  readonly #team: string;

  /** @internal */
  constructor(states: States, memory: BoardMemory, team: string) {
    this.#states = states.shared;
    this.#memory = memory;
    this.#team = team;
  }

  /** A state of the team; null where there is none. */
  get<T = unknown>(key: string): Promise<Result<State<T> | null>> {
    return this.#states.get<T>(this.#keyOf(key));
  }

  /** Sets a state of the team whole. As `state.set`. */
  set<T>(key: string, value: T, options: WriteOptions = {}): Promise<Result<State<T>>> {
    return this.#states.set(this.#keyOf(key), value, options);
  }

  /** Changes a state of the team by what it is by now, again where another was faster. As `state.update`. */
  update<T>(key: string, change: Change<T>): Promise<Result<State<T> | null>> {
    return this.#states.update<T>(this.#keyOf(key), change);
  }

  /** The states of the team, by key, without their values. */
  async list(): Promise<Result<StateInfo[]>> {
    const prefix = this.#keyOf("");
    const answer = await this.#states.list({ prefix });
    if (answer.error) return answer;
    return ok(answer.data.map((info) => ({ ...info, key: info.key.slice(prefix.length) })));
  }

  /** Remembers something for the team. As `remember`. */
  remember(memory: NewMemory): Promise<Result<{ id: string }>> {
    const tags = [...(memory.tags ?? []), this.#tag];
    return this.#memory.remember({ ...memory, tags });
  }

  /** What the team has remembered that answers a question best. As `recall`. */
  recall(query: string, options: RecallOptions = {}): Promise<Result<Recall>> {
    return this.#memory.recall(query, { ...options, tags: [...(options.tags ?? []), this.#tag] });
  }

  get #tag(): string {
    return `team:${this.#team}`;
  }

  #keyOf(key: string): string {
    return `team/${this.#team}/${key}`;
  }
}

/** What a team calls, of what belongs to it. @internal */
export interface SpaceCalls<Agent> {
  get(id: string): Promise<Result<Team | null>>;
  alerts(id: string, every?: boolean): Promise<Result<TeamAlert[]>>;
  watch(id: string, options: WatchTeamOptions<Agent>): TeamWatch;
}

/** What belongs to a team: its files, its blackboard, its budget, its alerts. */
export class TeamSpace<Agent> {
  /** Its files. */
  readonly artifacts: Artifacts;
  /** Its states and memories. */
  readonly blackboard: Blackboard;
  readonly #id: string;
  readonly #calls: SpaceCalls<Agent>;

  /** @internal */
  constructor(id: string, artifacts: Artifacts, blackboard: Blackboard, calls: SpaceCalls<Agent>) {
    this.#id = id;
    this.artifacts = artifacts;
    this.blackboard = blackboard;
    this.#calls = calls;
  }

  /** What the team may spend and has spent; null where it has no budget. Needs `team:read`. */
  async budget(): Promise<Result<Budget | null>> {
    const answer = await this.#calls.get(this.#id);
    return answer.error ? answer : ok(answer.data?.budget ?? null);
  }

  /** What goes wrong in it, the newest first; with `every` what went wrong before. Needs `team:read`. */
  alerts({ every = false }: { every?: boolean } = {}): Promise<Result<TeamAlert[]>> {
    return this.#calls.alerts(this.#id, every);
  }

  /**
   * Watches it: looks for deadlocks, repetition, silence and runaway costs, and does what the rules say. Anyone
   * with `team:manage` can watch, and several at once: each alert goes to one of them.
   *
   * @example
   * const watch = mayfly.teams.of(team.id).watch({
   *   rules: { silence: ["nudge", "restart"], runaway_cost: "stop", deadlock: "ask" },
   *   onAlert: ({ kind, detail }) => console.log(kind, detail),
   * });
   */
  watch(options: WatchTeamOptions<Agent> = {}): TeamWatch {
    return this.#calls.watch(this.#id, options);
  }
}
