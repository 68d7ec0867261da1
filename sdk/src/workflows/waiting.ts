import { addedJobs } from "../jobs/answers.ts";
import type { HeldJob } from "../jobs/held-job.ts";
import { traceOf } from "../link/observe.ts";
import { type Looked, looked } from "./answers.ts";
import { type Pending, tick, type WaitRow } from "./pending.ts";

/** How many jobs one call adds. SQL accepts up to 1,000 jobs, and 8 MB. */
const jobsPerCall = 1_000;
const bytesPerCall = 4_000_000;
/**
 * The pauses between checks while a step is running. During this time, nothing tells the run what has
 * arrived for its waits.
 */
const pollMs = [250, 500, 1_000, 2_000, 5_000];

/** What waits need from their run. */
export interface Waiter {
  job: HeldJob;
  /** How many steps are running. While one is running, the run cannot sleep. */
  readonly active: number;
  /** Increases with everything that the workflow does. */
  readonly moves: number;
  readonly isOver: boolean;
  /** Called before the run sleeps, to record failures that the workflow's code has caught. */
  passFailures(): Promise<void>;
  fallAsleep(): void;
}

/**
 * Everything for which a run waits at the same time. When the run has nothing else to do, one call
 * checks what has arrived, and puts the run to sleep if nothing has.
 */
export class Waiting {
  /** The check that is running, if any. Its result may end the lease. */
  looking: Promise<void> | undefined;
  readonly #run: Waiter;
  #pending: Pending[] = [];
  #settling = false;
  /** Whether to check even while a step is running: there is a new wait, or it is time to poll. */
  #isFresh = false;
  readonly #added = new Set<string>();
  /** Whether an earlier attempt may already have added the first children. */
  #mayBeAdded: boolean;
  #polls = 0;
  #poll: ReturnType<typeof setTimeout> | undefined;

  constructor(run: Waiter) {
    this.#run = run;
    this.#mayBeAdded = run.job.attempt > 1;
  }

  /** Waits until the steps of these rows are recorded. */
  wait(rows: WaitRow[], steps: string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ rows, steps, resolve, reject });
      this.#isFresh = true;
      this.settle();
    });
  }

  /** Checks what has arrived, as soon as the workflow can do nothing else. */
  settle(): void {
    if (this.#settling || this.looking || this.#pending.length === 0) return;
    this.#settling = true;
    void (async () => {
      let moves = -1;
      while (moves !== this.#run.moves) {
        moves = this.#run.moves;
        await tick();
      }
      this.#settling = false;
      if (this.#run.isOver || this.#pending.length === 0) return;
      if (this.#run.active > 0 && !this.#isFresh) return this.#pollLater();
      this.looking = this.#look();
      await this.looking;
      this.looking = undefined;
      this.settle();
    })();
  }

  end(): void {
    clearTimeout(this.#poll);
    this.#pending = [];
  }

  async #look(): Promise<void> {
    clearTimeout(this.#poll);
    if (this.#isFresh) this.#polls = 0;
    this.#isFresh = false;
    const pending = [...this.#pending];
    try {
      await this.#run.passFailures();
      // A step that starts meanwhile waits for this check.
      const maySleep = this.#run.active === 0;
      const rows = pending.flatMap((one) => one.rows);
      let answer = await this.#ask(rows, maySleep, this.#mayBeAdded ? [] : this.#toAdd(rows));
      if (answer.missing.length > 0) {
        const missing = new Set(answer.missing);
        const jobs = rows.filter(({ row }) => missing.has(row.step));
        await this.#take(answer);
        answer = await this.#ask(rows, maySleep, this.#toAdd(jobs));
      }
      this.#mayBeAdded = false;
      if (answer.waiting) return this.#run.fallAsleep();
      await this.#take(answer);
    } catch (error) {
      this.#pending = this.#pending.filter((one) => !pending.includes(one));
      for (const { reject } of pending) reject(error);
    }
  }

  #toAdd(rows: WaitRow[]): object[] {
    const added = rows.filter(({ row, job }) => job && !this.#added.has(row.step));
    for (const { row } of added) this.#added.add(row.step);
    const trace = traceOf(this.#run.job.parts.door.telemetry);
    return added.map(({ job }) => ({ ...trace, ...(job as object) }));
  }

  async #ask(rows: WaitRow[], maySleep: boolean, jobs: object[]): Promise<Looked> {
    const { lease, parts } = this.#run.job;
    const batches = partsOf(jobs);
    const last = batches.pop();
    for (const part of batches) {
      const added = await parts.door.call("add_jobs", { lease, jobs: part }, addedJobs);
      if (added.error) throw added.error;
    }
    const waits = rows.map(({ row }) => row);
    const values = { lease, waits, may_sleep: maySleep, ...(last && { jobs: last }) };
    const answer = await parts.door.call("wait_any", values, looked);
    if (answer.error) throw answer.error;
    return answer.data;
  }

  /** Takes everything that has arrived, which is now recorded. */
  async #take({ done, reread }: Looked): Promise<void> {
    const { steps } = this.#run.job.parts;
    const known = reread ? await steps.reread() : await steps.all();
    for (const [step, outcome] of Object.entries(done)) known.set(step, outcome);
    const ended = this.#pending.filter((one) => one.steps.every((step) => known.has(step)));
    this.#pending = this.#pending.filter((one) => !ended.includes(one));
    for (const { resolve } of ended) resolve();
  }

  #pollLater(): void {
    clearTimeout(this.#poll);
    const pause = pollMs[Math.min(this.#polls++, pollMs.length - 1)] ?? 5_000;
    this.#poll = setTimeout(() => {
      this.#isFresh = true;
      this.settle();
    }, pause);
  }
}

/** Splits jobs by their number and their size. */
function partsOf(jobs: object[]): object[][] {
  const parts: object[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const job of jobs) {
    const size = JSON.stringify(job).length;
    const part = parts.at(-1);
    if (!part || part.length >= jobsPerCall || bytes + size > bytesPerCall) {
      parts.push([job]);
      bytes = size;
    } else {
      part.push(job);
      bytes += size;
    }
  }
  return parts;
}
