import type { Mayfly, MayflyError, Result } from "@mayfly/sdk";
import type { Follow, LiveStore } from "./store.ts";

/** The shortest time between two reads of a list, even if there are many events. */
const pauseMs = 250;

/**
 * Follows a list. After each event about it, the whole list is read again. The watch starts first, so that
 * nothing before the first read is missed. The watches of one `Mayfly` share their reads of the log.
 */
export const followList =
  <T>(mayfly: Mayfly, types: string[], load: () => Promise<Result<T>>): Follow<T> =>
  async (store) => {
    const reader = new Reader(store, load);
    const watching = await mayfly.log.watch(
      { types, followMs: 100, onError: (error) => store.fail(error as MayflyError) },
      () => reader.read(),
    );
    if (watching.error) {
      store.fail(watching.error);
      return null;
    }
    reader.read();
    const { data: watch } = watching;
    void watch.ended.then((error) => error && store.fail(error));
    return {
      async stop() {
        reader.end();
        await watch.stop();
      },
    };
  };

/** Makes one read at a time. All requests during a read together cause one more read after it. */
export class Reader<T> {
  readonly #store: Pick<LiveStore<T>, "give" | "fail">;
  readonly #load: () => Promise<Result<T>>;
  #isReading = false;
  #isAsked = false;
  #hasEnded = false;

  constructor(store: Pick<LiveStore<T>, "give" | "fail">, load: () => Promise<Result<T>>) {
    this.#store = store;
    this.#load = load;
  }

  readonly read = (): void => {
    this.#isAsked = true;
    if (!this.#isReading) void this.#run();
  };

  end(): void {
    this.#hasEnded = true;
  }

  async #run(): Promise<void> {
    this.#isReading = true;
    while (this.#isAsked && !this.#hasEnded) {
      this.#isAsked = false;
      const { data, error } = await this.#load();
      if (this.#hasEnded) return;
      if (error) this.#store.fail(error);
      else this.#store.give(data);
      if (this.#isAsked) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    this.#isReading = false;
  }
}
