import type { Mayfly, MayflyError, Result, State, StateChange } from "@mayfly/sdk";
import { useMayfly } from "./provider.ts";
import type { Live, LiveStore } from "./store.ts";
import { useLive } from "./use-live.ts";

/** A shared state. Its value is undefined if the state does not exist. */
export interface SharedState<T> extends Live<T | undefined> {
  /**
   * Sets a value, or changes the current one with a function. Every component shows it at once. If the write is
   * refused, they show the stored value again, and the result says why. A function is called again if
   * somebody else wrote first, so it may run several times.
   */
  set(value: T | ((current: T | undefined) => T)): Promise<Result<State<T> | null>>;
}

/**
 * Follows the current value of a state that the tenant's agents and people share. Needs `state:read`, and
 * `state:write` to set it.
 *
 * @example
 * const { data: plan, set } = useSharedState<{ step: number }>("plan");
 * <button onClick={() => set((plan) => ({ step: (plan?.step ?? 0) + 1 }))}>Next</button>
 */
export function useSharedState<T>(key: string): SharedState<T> {
  const mayfly = useMayfly();
  const name = `state ${key}`;
  const writer = () => writerOf<T>(mayfly, key);
  const follow = (store: LiveStore<T | undefined>) => writer().follow(store);
  const live = useLive<T | undefined>(mayfly, name, undefined, follow);
  return { ...live, set: (value) => writer().set(value) };
}

// biome-ignore lint/suspicious/noExplicitAny: each key has a type of its own.
const writers = new WeakMap<Mayfly, Map<string, StateWriter<any>>>();

function writerOf<T>(mayfly: Mayfly, key: string): StateWriter<T> {
  const known = writers.get(mayfly) ?? new Map();
  writers.set(mayfly, known);
  const found: StateWriter<T> | undefined = known.get(key);
  if (found) return found;
  const writer = new StateWriter<T>(mayfly, key, () => {
    if (known.get(key) === writer) known.delete(key);
  });
  known.set(key, writer);
  return writer;
}

type Change<T> = T | ((current: T | undefined) => T);
const changed = <T>(change: Change<T>, current: T | undefined): T =>
  typeof change === "function" ? (change as (current: T | undefined) => T)(current) : change;

/** A stored state, with the pending writes on top of it. It is kept while a store or a write needs it. */
class StateWriter<T> {
  readonly #mayfly: Mayfly;
  readonly #key: string;
  readonly #onUnused: () => void;
  #stored: { version: number; value: T | undefined } = { version: -1, value: undefined };
  #store: LiveStore<T | undefined> | undefined;
  readonly #pending: Change<T>[] = [];

  constructor(mayfly: Mayfly, key: string, onUnused: () => void) {
    this.#mayfly = mayfly;
    this.#key = key;
    this.#onUnused = onUnused;
  }

  async follow(store: LiveStore<T | undefined>) {
    this.#store = store;
    this.#stored = { version: -1, value: undefined };
    const watching = await this.#watch(store);
    const stop = async () => {
      // Another store may follow the state by now.
      if (this.#store === store) this.#store = undefined;
      this.#dropUnused();
      await watching?.stop();
    };
    return { stop };
  }

  /** Starts the watch first, so that no change before the read is missed. */
  async #watch(store: LiveStore<T | undefined>) {
    const watching = await this.#mayfly.state.watch<T>(
      this.#key,
      ({ version, value }: StateChange<T>) => this.#learn(version, value),
      { onError: (error) => store.fail(error as MayflyError) },
    );
    if (watching.error) {
      store.fail(watching.error);
      return null;
    }
    const { data, error } = await this.#mayfly.state.get<T>(this.#key);
    if (error) store.fail(error);
    else this.#learn(data?.version ?? 0, data?.value);
    void watching.data.ended.then((problem) => problem && store.fail(problem));
    return watching.data;
  }

  async set(change: Change<T>): Promise<Result<State<T> | null>> {
    this.#pending.push(change);
    this.#show();
    const { state } = this.#mayfly;
    const answer: Result<State<T> | null> =
      typeof change === "function"
        ? await state.update<T>(this.#key, (current) => changed(change, current))
        : await state.set<T>(this.#key, change);
    this.#pending.splice(this.#pending.indexOf(change), 1);
    if (answer.data && answer.data.version > this.#stored.version)
      this.#stored = { version: answer.data.version, value: answer.data.value };
    this.#show();
    this.#dropUnused();
    return answer;
  }

  #dropUnused(): void {
    if (!this.#store && this.#pending.length === 0) this.#onUnused();
  }

  #learn(version: number, value: T | undefined): void {
    if (version >= this.#stored.version) this.#stored = { version, value };
    this.#show();
  }

  /** Shows the current value. Before the first read, there is nothing to show except a pending write. */
  #show(): void {
    if (this.#stored.version < 0 && this.#pending.length === 0) return;
    const shown = this.#pending.reduce<T | undefined>(
      (current, change) => changed(change, current),
      this.#stored.value,
    );
    this.#store?.give(shown);
  }
}
