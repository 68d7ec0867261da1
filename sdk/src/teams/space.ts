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

/** The calls of memory that a blackboard makes. @internal */
export interface BoardMemory {
  remember(memory: NewMemory): Promise<Result<{ id: string }>>;
  recall(query: string, options?: RecallOptions): Promise<Result<Recall>>;
}

/**
 * The notes of a team: states under `team/<id>/`, and memories with the tag `team:<id>`. Every
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

  /** Reads a state of the team. Null if there is none. */
  get<T = unknown>(key: string): Promise<Result<State<T> | null>> {
    return this.#states.get<T>(this.#keyOf(key));
  }

  /** Sets a state of the team. Like `state.set`. */
  set<T>(key: string, value: T, options: WriteOptions = {}): Promise<Result<State<T>>> {
    return this.#states.set(this.#keyOf(key), value, options);
  }

  /**
   * Changes a state of the team with a function of its current value. Tries again if somebody else
   * was faster. Like `state.update`.
   */
  update<T>(key: string, change: Change<T>): Promise<Result<State<T> | null>> {
    return this.#states.update<T>(this.#keyOf(key), change);
  }

  /** Lists the states of the team, by key, without their values. */
  async list(): Promise<Result<StateInfo[]>> {
    const prefix = this.#keyOf("");
    const answer = await this.#states.list({ prefix });
    if (answer.error) return answer;
    return ok(answer.data.map((info) => ({ ...info, key: info.key.slice(prefix.length) })));
  }

  /** Remembers something for the team. Like `remember`. */
  remember(memory: NewMemory): Promise<Result<{ id: string }>> {
    const tags = [...(memory.tags ?? []), this.#tag];
    return this.#memory.remember({ ...memory, tags });
  }

  /** Finds the team's memories that answer a question best. Like `recall`. */
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

/** The calls that a team's space makes. @internal */
export interface SpaceCalls<Agent> {
  get(id: string): Promise<Result<Team | null>>;
  alerts(id: string, every?: boolean): Promise<Result<TeamAlert[]>>;
  watch(id: string, options: WatchTeamOptions<Agent>): TeamWatch;
}

/** Everything that belongs to a team: its files, its blackboard, its budget and its alerts. */
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

  /** What the team may spend and has spent. Null if it has no budget. Needs `team:read`. */
  async budget(): Promise<Result<Budget | null>> {
    const answer = await this.#calls.get(this.#id);
    return answer.error ? answer : ok(answer.data?.budget ?? null);
  }

  /**
   * Lists the open alerts of the team, newest first. With `every`, lists handled alerts too. Needs
   * `team:read`.
   */
  alerts({ every = false }: { every?: boolean } = {}): Promise<Result<TeamAlert[]>> {
    return this.#calls.alerts(this.#id, every);
  }

  /**
   * Watches the team for deadlocks, repetition, silence and runaway costs, and applies your rules. Anyone
   * with `team:manage` can watch. If several watches run at once, each alert goes to one of them.
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
