import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { jittered } from "../link/jitter.ts";
import { lookAgainMs } from "../link/look-again.ts";
import {
  type ClaimedRow,
  completed,
  failedJobs,
  heard,
  type Place,
  sentJob,
  turned,
} from "./answers.ts";
import { afterLease, passing } from "./claim-timing.ts";
import type { JobsDoor } from "./door.ts";
import type { Ending } from "./local-job.ts";
import type { WorkOptions } from "./work-options.ts";
import { fatal, refusedEnding } from "./worker-errors.ts";

/**
 * If three claims in a row take longer than this in the database, they are scanning dead rows that vacuum
 * cannot remove yet. Later claims then pass on the `marks` of the previous claim, and the database uses
 * them to skip these rows. One slow claim proves nothing, because the machine may be busy.
 */
const slowClaimMs = 4;
const slowInARow = 3;
/**
 * While claims are slow, only one claim in this time looks at everything. It finds jobs that were
 * committed late.
 */
const fullClaimMs = 1_000;
const longestMs = 5_000;

/** The calls of a worker. Each call records the jobs that have ended, and claims more jobs. */
export class Turns {
  readonly #door: JobsDoor;
  readonly #names: string[];
  readonly #options: WorkOptions & { lease: number };
  /** The id with which the database registers the worker to be woken. */
  readonly #id = crypto.randomUUID();
  #place: Place = {};
  /**
   * Milliseconds until the first lease of the tenant ends. If the worker that holds it has died, another
   * worker can then claim the job.
   */
  #leaseMs = Number.POSITIVE_INFINITY;
  #fullAt = Number.NEGATIVE_INFINITY;
  /** The durations of the last claims that looked at everything. */
  #took: number[] = [];
  /**
   * How many claims in a row found nothing while somebody was adding jobs that may not have been
   * visible yet.
   */
  #late = 0;

  constructor(door: JobsDoor, names: string[], options: WorkOptions & { lease: number }) {
    this.#door = door;
    this.#names = names;
    this.#options = options;
  }

  /** The job, if it was sent to this worker. */
  sentHere(sent: object): ClaimedRow | undefined {
    const { data } = sentJob.safeParse(sent);
    return data?.worker === this.#id ? data.job : undefined;
  }

  /**
   * Tells the database that this worker no longer sleeps, so that no job is sent to it any more. Returns the
   * error, if there is one. An agent that has ended is sent nothing anyway.
   */
  async leave(timeoutMs: number): Promise<MayflyError | null> {
    if (!this.#door.sends || this.#options.anyTenant) return null;
    const values = { wanted: 0, names: this.#names, park: this.#id };
    const leaving = this.#door.call("turn_jobs", values, turned).then(({ error }) => error);
    const error = await Promise.race([leaving, passing(timeoutMs).then(() => null)]);
    return error && !fatal.includes(error.code) ? error : null;
  }

  /** How long a worker that has found nothing may sleep. */
  #restMs(pollMs: number): number {
    return Math.min(jittered(pollMs), afterLease(this.#leaseMs));
  }

  /**
   * Records endings, and claims jobs. `isAsleep` is true if the call found no job and the worker was
   * already registered to be woken.
   */
  async take(
    endings: Ending[],
    wanted: number,
  ): Promise<Result<{ jobs: ClaimedRow[]; isAsleep: boolean }>> {
    const { queues, lease, anyTenant } = this.#options;
    const done = endings
      .filter(({ failure }) => !failure)
      .map(({ lease, result }) => ({ lease, result }));
    const failures = endings.flatMap(({ lease, failure }) =>
      failure ? [{ lease, ...failure.said }] : [],
    );
    if (anyTenant || wanted === 0) {
      const recorded = await this.end(done, failures);
      if (recorded.error) return recorded;
      if (wanted === 0) return ok({ jobs: [], isAsleep: false });
    }
    const full = this.#isFull();
    const values = {
      wanted,
      names: this.#names,
      lease,
      place: this.#placeOf(full),
      park: this.#id,
      ...(queues && { queues }),
    };
    const answer = anyTenant
      ? await this.#door.call("claim_any_jobs", values, turned)
      : await this.#door.call("turn_jobs", { ...values, done, failures }, turned);
    if (answer.error) return answer;
    const { jobs, place, took, late = false, asleep = false, look_in: lookIn } = answer.data;
    this.#late = late ? this.#late + 1 : 0;
    this.#place = place;
    this.#leaseMs = lookIn == null ? Number.POSITIVE_INFINITY : lookIn * 1_000;
    if (full) {
      this.#fullAt = performance.now();
      this.#took = [...this.#took, took].slice(-slowInARow);
    }
    return ok({ jobs, isAsleep: asleep });
  }

  /**
   * How long to wait before looking again for jobs that were being added during the last look.
   * Grows with each look. Undefined if nobody was adding jobs.
   */
  get #lookSoonMs(): number | undefined {
    return this.#late > 0 ? Math.min(2 ** this.#late, lookAgainMs[0]) : undefined;
  }

  /**
   * How long to sleep: a short time if jobs were being added, otherwise the next of `looks`. If
   * `looks` is empty: `pollMs`, or until the next lease ends.
   */
  pauseMs(looks: number[], pollMs: number): number {
    return this.#lookSoonMs ?? looks.shift() ?? this.#restMs(pollMs);
  }

  async end(done: object[], failures: object[]): Promise<Result<null>> {
    if (done.length > 0) {
      const answer = await this.#door.call("complete_jobs", { done }, completed);
      if (answer.error) return answer;
    }
    if (failures.length > 0) {
      const answer = await this.#door.call("fail_jobs", { failures }, failedJobs);
      if (answer.error) return answer;
    }
    return ok(null);
  }

  /** Records one ending. Returns what has to be recorded instead, if it was not recorded. */
  async endOne(ending: Ending): Promise<Ending | null> {
    const { lease, result, failure } = ending;
    const { error } = failure
      ? await this.end([], [{ lease, ...failure.said }])
      : await this.end([{ lease, result }], []);
    if (!error) return null;
    return error.code === "invalid_request" ? refusedEnding(ending, error) : ending;
  }

  /** Extends leases. Returns those that are over, and why. */
  async heartbeat(leases: string[]): Promise<Result<Map<string, "lease_lost" | "job_cancelled">>> {
    const beat = { leases, lease: this.#options.lease };
    const { data, error } = await this.#door.call("heartbeat_jobs", beat, heard);
    if (error) return failed(error);
    const over = new Map<string, "lease_lost" | "job_cancelled">();
    for (const at of data.cancelled) over.set(leases[at] ?? "", "job_cancelled");
    for (const at of data.lost) over.set(leases[at] ?? "", "lease_lost");
    return ok(over);
  }

  /** The shortest of the last durations of a full claim, in ms. 0 until there are enough of them. */
  get #cost(): number {
    return this.#took.length < slowInARow ? 0 : Math.min(...this.#took);
  }

  #isFull(): boolean {
    if (this.#cost < slowClaimMs) return true;
    const rest = Math.min(longestMs, Math.max(fullClaimMs, 20 * this.#cost));
    return performance.now() - this.#fullAt > rest;
  }

  #placeOf(full: boolean): Place {
    const { marks, due, ...place } = this.#place;
    if (this.#cost < slowClaimMs) return place;
    return full ? { ...place, marks: [] } : { ...place, marks: marks ?? [], ...(due && { due }) };
  }
}
