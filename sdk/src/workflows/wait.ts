/**
 * What a wait waits for, in the form of `wait_any`.
 *
 * @internal
 */
export interface Atom {
  signal?: string;
  child?: true;
  approval?: string;
  after?: number | string;
  until?: string;
}

/** The run that a wait belongs to. @internal */
export interface WaitRun {
  one<T>(wait: Wait<T>): Promise<T>;
}

/**
 * How a wait starts and ends.
 *
 * @internal
 */
export interface WaitPlan<T> {
  /** The name of its step, unless a map or an `any` sets another one. */
  label: () => string;
  /** What it waits for, once its step is known. */
  atom: (step: string) => Atom | Promise<Atom>;
  /** For a child: the job to add. */
  job?: (key: string) => object;
  /** Returns the result of the wait, or throws its error. */
  take: (outcome: unknown) => T;
}

/**
 * Something that a workflow waits for. It starts when it is created. Await it, or pass it to `ctx.any`.
 * Awaiting it again returns the same result.
 */
export class Wait<T> implements PromiseLike<T> {
  /** @internal */
  readonly plan: WaitPlan<T>;
  readonly #run: WaitRun;
  #step: string | undefined;
  #atom: Promise<Atom> | undefined;
  #ended: Promise<T> | undefined;

  /** @internal */
  constructor(run: WaitRun, plan: WaitPlan<T>) {
    this.#run = run;
    this.plan = plan;
    // Begin later, because a map or an `any` may first set the step of this wait.
    queueMicrotask(() => {
      if (this.#step === undefined) void this.#begin();
    });
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting it is what it is for.
  then<A = T, B = never>(
    onDone?: ((value: T) => A | PromiseLike<A>) | null,
    // biome-ignore lint/suspicious/noExplicitAny: as of any promise.
    onFailed?: ((error: any) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#begin().then(onDone, onFailed);
  }

  /** Like `catch` of a promise: handles the failure of the wait. */
  // biome-ignore lint/suspicious/noExplicitAny: as of any promise.
  catch<B = never>(onFailed: (error: any) => B | PromiseLike<B>): Promise<T | B> {
    return this.#begin().catch(onFailed);
  }

  /**
   * Returns the name of its step. The first caller sets it.
   *
   * @internal
   */
  claim(step: string): string {
    this.#step ??= step;
    return this.#step;
  }

  /** @internal */
  get step(): string {
    return this.claim(this.#step ?? this.plan.label());
  }

  /** @internal */
  atom(): Promise<Atom> {
    this.#atom ??= Promise.resolve(this.plan.atom(this.step));
    return this.#atom;
  }

  #begin(): Promise<T> {
    if (!this.#ended) {
      this.#ended = this.#run.one(this);
      // Perhaps nobody ever awaits it. Then a failure must not count as unhandled.
      this.#ended.catch(() => {});
    }
    return this.#ended;
  }
}
