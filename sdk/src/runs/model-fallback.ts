/** Models in order of preference: which one is called after a failure, and when. */
import type { ModelFailure } from "./failures.ts";

/** How often to try a chain of models before it fails. */
const rounds = 3;

/** The outcome of a call: its answer, or how it failed. */
export type Tried<Answer> =
  | { answer: Answer; failure?: never }
  | { failure: ModelFailure; answer?: never };

/** How a chain of models waits. */
export interface ChainOptions {
  /**
   * Waits before the models are tried again. `seconds` is what a provider said with `Retry-After`, otherwise
   * about 1, 2 and 4 seconds. Return `false` to give up instead.
   */
  wait(seconds: number, tries: number): Promise<unknown>;
  /** How many calls were made before. */
  tries?: number;
}

/**
 * Calls the models of a chain in order until one answers. After a failure of the kind `next` or `retry`,
 * the next model is called. After a `fatal` failure, no other model is called. If a provider may answer
 * later, the chain is tried again, three times in all. Runs use it, and so does `failover` of
 * `@mayfly/ai-sdk`.
 *
 * @returns the first answer, or the last failure.
 */
export async function tryModels<Model, Answer>(
  models: Model[],
  call: (model: Model, tries: number) => Promise<Tried<Answer>>,
  { wait, tries = 0 }: ChainOptions,
): Promise<Tried<Answer>> {
  let made = tries;
  for (let round = Math.floor(made / models.length); ; round++) {
    const failures: ModelFailure[] = [];
    for (const model of models) {
      const tried = await call(model, ++made);
      if (!tried.failure) return tried;
      failures.push(tried.failure);
      if (tried.failure.kind === "fatal") return tried;
    }
    const failure = failures.at(-1) as ModelFailure;
    const later = failures.filter(({ kind }) => kind === "retry");
    if (later.length === 0 || round + 1 >= rounds) return { failure };
    const seconds = Math.min(
      ...later.map(({ retryAfter }) => retryAfter ?? 2 ** round * (0.5 + Math.random() / 2)),
    );
    if ((await wait(seconds, made)) === false) return { failure };
  }
}
