import { invalid } from "../contract/invalid.ts";
import type { HeldJob, StepWork } from "../jobs/held-job.ts";
import { observe } from "../link/observe.ts";
import { retried } from "./answers.ts";
import { changed, thrownOf, toThrown } from "./errors.ts";
import { rowOf, tick } from "./pending.ts";
import type { Wait } from "./wait.ts";
import { type Waiter, Waiting } from "./waiting.ts";

/**
 * A branch may do something else between its steps. If no branch asks for a step during `graces` pauses of
 * `graceMs` each, all of them count as finished.
 */
const graceMs = 20;
const graces = 10;

/**
 * The prefix of a record that has replaced the recorded failure of a step, so that the step is retried.
 */
const retry = "retry: ";

const never = () => new Promise<never>(() => {});

/**
 * One attempt of a workflow. It compares the steps that the code asks for with the recorded ones.
 */
export class WorkflowRun implements Waiter {
  readonly job: HeldJob;
  /** Resolves when the run sleeps. Its code does not continue in this attempt. */
  readonly asleep: Promise<void>;
  active = 0;
  moves = 0;
  isOver = false;
  readonly #waiting: Waiting;
  /** For each step: what asked for it, such as a wait. */
  readonly #asked = new Map<string, unknown>();
  #unasked: Promise<Set<string>> | undefined;
  /** Errors of steps. They are recorded as soon as the workflow continues after them. */
  readonly #failures = new Map<string, unknown>();
  /** The recorded failures of steps. If one of them fails the workflow, its step is retried. */
  readonly #passed = new Map<string, unknown>();
  /** Steps to retry: a later record has replaced their recorded failure. */
  readonly #again = new Set<string>();
  #sleep: () => void = () => {};

  constructor(job: HeldJob) {
    this.job = job;
    this.#waiting = new Waiting(this);
    this.asleep = new Promise((resolve) => {
      this.#sleep = resolve;
    });
  }

  fallAsleep(): void {
    this.isOver = true;
    this.job.parts.fallAsleep();
    this.#waiting.end();
    this.#sleep();
  }

  async step<T>(name: string, work: (step: StepWork) => T | Promise<T>): Promise<T> {
    const known = await this.ask(name, work);
    const { id, attempt, signal, parts } = this.job;
    if (known) {
      parts.told(name, 0, true);
      const thrown = thrownOf(known.result);
      if (!thrown) return known.result as T;
      this.#passed.set(name, thrown);
      throw thrown;
    }
    return this.#act(name, async () => {
      signal.throwIfAborted();
      const begun = performance.now();
      let result: T;
      try {
        const about = () => ({ kind: "step", name, jobId: id, attempt }) as const;
        result = await observe(parts.door.telemetry, about, async () =>
          work({ idempotencyKey: `${id}/${name}`, attempt, signal }),
        );
      } catch (error) {
        if (!signal.aborted) this.#failures.set(name, error);
        throw error;
      }
      const ms = Math.round(performance.now() - begun);
      const recorded = await parts.steps.record({ name, result: result ?? null, ms });
      parts.told(name, ms, false);
      return recorded as T;
    });
  }

  /** Waits for one thing. */
  async one<T>(wait: Wait<T>): Promise<T> {
    const { step } = wait;
    const known = await this.ask(step, wait);
    if (!known) await this.#wait([wait], {}, [step]);
    return this.#outcome(wait);
  }

  /** Waits for the first of several waits, and records which one it was. */
  async first(name: string, waits: Record<string, Wait<unknown>>) {
    const given = Object.entries(waits);
    if (given.length === 0) throw invalid(name, "must have at least one wait");
    const known = await this.ask(name, waits);
    for (const [, wait] of given) await this.#note(wait.step, wait);
    if (!known) await this.#wait(given, { of: name }, [name]);
    const recorded = (await this.job.parts.steps.known(name))?.result as { key: string };
    const wait = waits[recorded.key];
    if (!wait) throw changed(`${name}, without ${recorded.key}`, [name]);
    return { key: recorded.key, value: await this.#outcome(wait) };
  }

  /** Waits until all children have ended. */
  async together<T>(name: string, waits: Wait<T>[]): Promise<T[]> {
    const open: Wait<T>[] = [];
    for (const wait of waits) if (!(await this.ask(wait.step, wait))) open.push(wait);
    const steps = open.map((wait) => wait.step);
    if (open.length > 0) await this.#wait(open, { together: name }, steps);
    return Promise.all(waits.map((wait) => this.#outcome(wait)));
  }

  async passFailures(): Promise<void> {
    if (this.#failures.size === 0) return;
    // If the workflow does not catch the error, it has ended after this turn of the event loop.
    await tick();
    if (this.isOver) return never();
    const passed = [...this.#failures];
    this.#failures.clear();
    const { steps } = this.job.parts;
    await Promise.all(
      passed.map(([name, error]) => {
        this.#passed.set(name, error);
        return steps.record({ name, result: toThrown(error), ms: 0 });
      }),
    );
  }

  /**
   * Call this when the workflow's code has returned.
   *
   * @returns true if the run has ended, false if it sleeps.
   */
  async finish(): Promise<boolean> {
    await this.#waiting.looking;
    if (this.job.asleep) return false;
    const left = await this.#left();
    if (left.size > 0) throw changed(undefined, [...left]);
    return true;
  }

  /**
   * Call this when the workflow's code has thrown. The recorded failures that caused this are retried in the
   * next attempt.
   */
  async fail(error: unknown): Promise<void> {
    this.isOver = true;
    const { cause, errors } = Object(error) as { cause?: unknown; errors?: unknown[] };
    const why = [error, cause, ...(Array.isArray(errors) ? errors : [])];
    const names = [...this.#passed].filter(([, one]) => why.includes(one)).map(([name]) => name);
    const { lease, parts } = this.job;
    if (names.length > 0) await parts.door.call("retry_steps", { lease, names }, retried);
  }

  end(): void {
    this.isOver = true;
    this.#waiting.end();
  }

  /**
   * @returns the recorded result of a step.
   * @param by what asks for the step. If something else asks for a step with the same name, that is an
   * error.
   */
  async ask(name: string, by: unknown): Promise<{ result: unknown } | undefined> {
    if (this.isOver) return never();
    const before = this.#asked.get(name);
    if (before !== undefined && before !== by) {
      const why = `"${name}" is the name of two steps. In a map, use the ctx that its function gets`;
      throw Object.assign(invalid("step", why), { retryable: false });
    }
    await this.#note(name, by);
    return this.job.parts.steps.known(name);
  }

  async #note(name: string, by: unknown): Promise<void> {
    this.#asked.set(name, by);
    this.moves++;
    this.#unasked ??= this.#recorded();
    const unasked = await this.#unasked;
    unasked.delete(name);
    unasked.delete(`${name}: until`);
    unasked.delete(`${name}: asked`);
  }

  async #recorded(): Promise<Set<string>> {
    if (this.job.attempt === 1) return new Set();
    const recorded = new Set((await this.job.parts.steps.all()).keys());
    recorded.delete("report");
    for (const name of recorded)
      if (name.startsWith(retry)) {
        this.#again.add(name.slice(retry.length));
        recorded.delete(name);
      }
    return recorded;
  }

  /** Finds records that no step has asked for, once every branch has gone as far as it can. */
  async #left(): Promise<Set<string>> {
    this.#unasked ??= this.#recorded();
    const unasked = await this.#unasked;
    for (let quiet = 0; unasked.size > 0 && quiet < graces; ) {
      const { moves } = this;
      await tick();
      if (unasked.size > 0) await new Promise((resolve) => setTimeout(resolve, graceMs));
      quiet = moves === this.moves ? quiet + 1 : 0;
    }
    return unasked;
  }

  /** Starts a new step, but only if this is the same code that recorded the others. */
  async #act<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.active++;
    try {
      await this.passFailures();
      if (!this.#again.has(name)) {
        const left = await this.#left();
        if (left.size > 0) throw changed(name, [...left]);
      }
      if (this.#waiting.looking) await this.#waiting.looking;
      if (this.isOver) return await never();
      return await work();
    } finally {
      this.active--;
      this.moves++;
      this.#waiting.settle();
    }
  }

  async #wait(
    waits: Wait<unknown>[] | [string, Wait<unknown>][],
    more: { of?: string; together?: string },
    steps: string[],
  ): Promise<void> {
    const rows = await this.#act(more.of ?? more.together ?? steps[0] ?? "", () =>
      Promise.all(
        waits.map((one) =>
          Array.isArray(one)
            ? rowOf(this.job.id, one[1], { ...more, key: one[0] })
            : rowOf(this.job.id, one, more),
        ),
      ),
    );
    await this.#waiting.wait(rows, steps);
    this.moves++;
  }

  async #outcome<T>(wait: Wait<T>): Promise<T> {
    const known = await this.job.parts.steps.known(wait.step);
    return wait.plan.take(known?.result);
  }
}
