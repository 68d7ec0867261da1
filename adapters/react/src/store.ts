import type { MayflyError } from "@mayfly/sdk";

/** What a hook returns: the data so far, and the state of its connection. */
export interface Live<T> {
  /** An empty list or undefined before the first answer. */
  data: T;
  /** Why there is no data, or why it may be out of date. The next answer resets it to null. */
  error: MayflyError | null;
  /** True until the first answer or error. */
  isLoading: boolean;
}

/**
 * Starts to follow something for a store. The store always calls `stop` in the end, even if the store stops
 * before the start is complete.
 */
export type Follow<T> = (store: LiveStore<T>) => Promise<{ stop(): Promise<unknown> } | null>;

/**
 * How long a store continues without a component. In strict mode, and when the page changes, the next
 * component mounts sooner than this.
 */
const lingerMs = 200;

/** Live data shared by components. It keeps one connection while at least one of them is mounted. */
export class LiveStore<T> {
  readonly #follow: Follow<T>;
  readonly #onStopped: () => void;
  readonly #listeners = new Set<() => void>();
  #snapshot: Live<T>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<{ stop(): Promise<unknown> } | null> | undefined;
  #hasEnded = false;

  constructor(initial: T, follow: Follow<T>, onStopped: () => void) {
    this.#snapshot = { data: initial, error: null, isLoading: true };
    this.#follow = follow;
    this.#onStopped = onStopped;
  }

  /** False once it has stopped. */
  get isOpen(): boolean {
    return !this.#hasEnded;
  }

  readonly getSnapshot = (): Live<T> => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    clearTimeout(this.#timer);
    this.#listeners.add(listener);
    this.#running ??= this.#follow(this).catch((error: MayflyError) => {
      this.fail(error);
      return null;
    });
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#timer = setTimeout(() => this.#stop(), lingerMs);
    };
  };

  /** Gives the store new data, and clears its error. */
  give(data: T): void {
    this.#set({ data, error: null, isLoading: false });
  }

  /** Gives the store an error. The data stays unchanged. */
  fail(error: MayflyError): void {
    this.#set({ data: this.#snapshot.data, error, isLoading: false });
  }

  #set(snapshot: Live<T>): void {
    if (this.#hasEnded) return;
    this.#snapshot = snapshot;
    for (const listener of [...this.#listeners]) listener();
  }

  #stop(): void {
    this.#hasEnded = true;
    this.#onStopped();
    void this.#running?.then((running) => running?.stop());
  }
}
