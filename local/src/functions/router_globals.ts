/** The globals that Supabase's edge runtime adds to Deno: `EdgeRuntime` and `Supabase`. */
import {
  DEV_EMBEDDING_MODEL,
  embedForDevelopment,
} from "../../../sdk/src/contract/development-embedder.ts";

/** Replaces the runtime's embedding session. Its `model` says that it is not gte-small. */
class Session {
  readonly model: string = DEV_EMBEDDING_MODEL;

  constructor(requested: string) {
    if (requested !== "gte-small") {
      throw new Error(
        `Supabase.ai.Session("${requested}") needs the hosted edge runtime. The embedded one has only ${DEV_EMBEDDING_MODEL}, in place of gte-small.`,
      );
    }
  }

  /**
   * A vector of 384 numbers and length one, whatever the options for pooling and normalising say.
   */
  async run(text: string): Promise<number[]> {
    return embedForDevelopment(text);
  }
}

/** Background tasks that outlive their request. */
export class BackgroundTasks {
  readonly #running = new Set<Promise<unknown>>();
  readonly #onFailure: (error: unknown) => void;

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  add(task: Promise<unknown>): void {
    const settled = Promise.resolve(task)
      .catch(this.#onFailure)
      .finally(() => this.#running.delete(settled));
    this.#running.add(settled);
  }

  /** Resolves when no background task is running, including tasks that other tasks add meanwhile. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}

/** Installs the globals. */
export function installGlobals(background: BackgroundTasks): void {
  const globals = {
    EdgeRuntime: { waitUntil: (task: Promise<unknown>) => background.add(task) },
    Supabase: { ai: { Session } },
  };
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
  }
}
