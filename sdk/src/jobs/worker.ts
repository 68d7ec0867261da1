import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";
import { jittered } from "../link/jitter.ts";
import type { Note } from "../link/note.ts";
import { type ClaimedRow, completed, failedJobs, heard, type Place, released, turned } from "./answers.ts";
import type { JobsDoor } from "./door.ts";
import { type Ending, type JobHandlers, type LocalJob, startJob } from "./local-job.ts";
import { onTermination } from "./termination.ts";

export interface WorkOptions {
  /** How many jobs are done at once; 8 by default. */
  concurrency?: number;
  /** Only jobs of these queues; of any by default, those that there is a handler for. */
  queues?: string[];
  /** Seconds that a job stays this worker's without a word of it; extended while it lives. 30 by default. */
  lease?: number;
  /** How often it looks when nobody wakes it, at most: 5,000 ms by default. A lost hint costs as much. */
  pollMs?: number;
  /** Told what failed on the way: a call that is tried again, a handler that threw. */
  onError?: (error: MayflyError) => void;
  /** Where there are signals, SIGTERM drains: jobs under way end, no other begins. True by default. */
  drainOnTermination?: boolean;
  /** Jobs of every tenant, by the secret key. @internal */
  anyTenant?: boolean;
  /** Ends when there is nothing to do. @internal */
  untilEmpty?: boolean;
}

/** A worker that was started. */
export interface Work {
  /** Jobs that it has ended: done, or failed. */
  readonly done: number;
  /** Jobs that are being done now. */
  readonly running: number;
  /** Why it ended by itself; null after `stop`. */
  readonly ended: Promise<MayflyError | null>;
  /**
   * Begins no other job, gives back those that it has not begun, and waits for the others: after
   * `timeoutMs` (25,000) their signals end, and they are given back too.
   */
  stop(options?: { timeoutMs?: number }): Promise<void>;
}

/** Short jobs are claimed ahead: as many as are done in this time, and 100 at most. */
const aheadMs = 50;
const maxAhead = 100;
/** A claim that takes longer in the database walks what cannot be removed: marks skip it. */
const slowClaimMs = 4;
const retryMs = [100, 500, 2_000, 5_000, 15_000];
/** After these it is no use to go on. */
const fatal = ["not_authorized", "scope_missing", "tenant_unknown", "tenant_ambiguous", "agent_not_alive", "agent_suspended"];

export class Worker implements Work {
  done = 0;
  readonly ended: Promise<MayflyError | null>;
  readonly #door: JobsDoor;
  readonly #handlers: JobHandlers;
  readonly #options: Required<Pick<WorkOptions, "concurrency" | "lease" | "pollMs">> & WorkOptions;
  readonly #note: Note | undefined;
  readonly #id = crypto.randomUUID();
  /** Claimed and not begun, in their order. */
  #waiting: ClaimedRow[] = [];
  readonly #running = new Map<string, LocalJob>();
  #endings: Ending[] = [];
  #place: Place = {};
  #fullClaimAt = Number.NEGATIVE_INFINITY;
  #fullClaimMs = 0;
  /** How often in a row nothing was found: twice, and it sleeps. */
  #quiet = 0;
  #meanMs = Number.POSITIVE_INFINITY;
  #turning = false;
  #draining = false;
  #failures = 0;
  #finished = false;
  #poll: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;
  readonly #unwake: () => Promise<void>;
  readonly #untermination: () => void;
  #finish: (why: MayflyError | null) => void = () => {};
  #idle: (() => void)[] = [];

  private constructor(door: JobsDoor, handlers: JobHandlers, options: WorkOptions, note?: Note) {
    this.#door = door;
    this.#handlers = handlers;
    this.#options = { concurrency: 8, lease: 30, pollMs: 5_000, ...options };
    this.#note = note;
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#unwake = door.onWake(() => this.#wake());
    this.#untermination =
      options.drainOnTermination === false ? () => {} : onTermination(() => this.stop());
    this.#beat = setInterval(() => void this.#heartbeat(), (this.#options.lease * 1_000) / 3);
    void this.#turn();
  }

  static start(
    door: JobsDoor,
    handlers: JobHandlers,
    options: WorkOptions = {},
    note?: Note,
  ): Result<Worker> {
    const { concurrency = 8, lease = 30, pollMs = 5_000 } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 500)
      return failed(invalid("concurrency", "must be a whole number from 1 to 500"));
    if (!(lease >= 3 && lease <= 3_600)) return failed(invalid("lease", "must be 3 to 3600 seconds"));
    if (!(pollMs >= 10)) return failed(invalid("pollMs", "must be at least 10"));
    if (Object.keys(handlers).length === 0) return failed(invalid("handlers", "must have at least one"));
    return ok(new Worker(door, handlers, options, note));
  }

  get running(): number {
    return this.#running.size;
  }

  async stop({ timeoutMs = 25_000 }: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#finished) return;
    this.#draining = true;
    const back = this.#waiting.map(({ lease }) => lease);
    this.#waiting = [];
    if (back.length > 0) await this.#giveBack(back);
    const over = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      (timer as { unref?: () => void }).unref?.();
    });
    await Promise.race([this.#drained(), over]);
    const left = [...this.#running.values()];
    if (left.length > 0) {
      for (const { abort } of left) abort(stopped());
      await this.#giveBack(left.map(({ lease }) => lease));
    }
    await this.#flush();
    this.#conclude(null);
  }

  /** Settles when nothing runs and everything is recorded. */
  #drained(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #isIdle = () => this.#running.size === 0 && this.#endings.length === 0 && !this.#turning;

  #conclude(why: MayflyError | null): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#poll);
    clearInterval(this.#beat);
    this.#untermination();
    void this.#unwake();
    for (const { abort } of this.#running.values()) abort(why ?? stopped());
    this.#finish(why);
  }

  #wake(): void {
    this.#quiet = 0;
    this.#schedule();
  }

  /** The next turn, after what is ready in this one of the event loop: jobs that end together go together. */
  #schedule(): void {
    if (this.#turning || this.#finished) return;
    clearTimeout(this.#poll);
    this.#turning = true;
    setImmediateOr(() => {
      this.#turning = false;
      void this.#turn();
    });
  }

  #wanted(): number {
    if (this.#draining || this.#quiet >= 2) return 0;
    const { concurrency } = this.#options;
    const ahead = Math.min(maxAhead, Math.floor((aheadMs / this.#meanMs) * concurrency) || 0);
    const room = concurrency + ahead - this.#running.size - this.#waiting.length;
    // A few at a time are dear; half of what there is room for is not.
    return room >= Math.min(concurrency, (concurrency + ahead) / 2) || this.#running.size === 0
      ? Math.max(0, room)
      : this.#endings.length > 0 || this.#waiting.length === 0
        ? Math.max(0, room)
        : 0;
  }

  async #turn(): Promise<void> {
    if (this.#turning || this.#finished) return;
    const wanted = this.#wanted();
    const endings = this.#endings.splice(0, 500);
    if (wanted === 0 && endings.length === 0) return this.#rest();
    this.#turning = true;
    const answer = await this.#take(endings, wanted);
    this.#turning = false;
    if (this.#finished) return;
    if (answer.error) return this.#stumble(answer.error, endings);
    this.#failures = 0;
    this.done += endings.length;
    if (wanted > 0) this.#quiet = answer.data.length === 0 ? this.#quiet + 1 : 0;
    if (this.#draining && answer.data.length > 0)
      await this.#giveBack(answer.data.map(({ lease }) => lease));
    else this.#waiting.push(...answer.data);
    this.#begin();
    this.#schedule();
  }

  /** Nothing to do: until somebody wakes it, a job ends, or it is time to look again. */
  #rest(): void {
    for (const resolve of this.#idle.splice(0)) if (this.#isIdle()) resolve();
    clearTimeout(this.#poll);
    if (this.#options.untilEmpty && this.#quiet >= 2 && this.#isIdle()) return this.#conclude(null);
    if (this.#draining) return;
    this.#poll = setTimeout(() => this.#wake(), jittered(this.#options.pollMs));
  }

  #begin(): void {
    while (this.#running.size < this.#options.concurrency) {
      const given = this.#waiting.shift();
      if (!given) return;
      const begun = performance.now();
      const local = startJob(this.#door, given, this.#handlers, this.#note, (ending) => {
        this.#running.delete(given.lease);
        const ms = performance.now() - begun;
        this.#meanMs = Number.isFinite(this.#meanMs) ? this.#meanMs * 0.9 + ms * 0.1 : ms;
        if (ending) this.#endings.push(ending);
        if (ending?.failure && !this.#finished) this.#options.onError?.(ending.failure.cause);
        this.#begin();
        this.#schedule();
      });
      this.#running.set(given.lease, local);
    }
  }

  async #take(endings: Ending[], wanted: number): Promise<Result<ClaimedRow[]>> {
    const { queues, lease, anyTenant } = this.#options;
    const done = endings.filter(({ failure }) => !failure).map(({ lease, result }) => ({ lease, result }));
    const failures = endings.flatMap(({ lease, failure }) => (failure ? [{ lease, ...failure.said }] : []));
    const names = Object.keys(this.#handlers);
    const full = this.#isFullClaim();
    const values = {
      wanted,
      names,
      lease,
      place: this.#placeOf(full),
      park: this.#id,
      ...(queues && { queues }),
    };
    if (anyTenant) {
      const flushed = await this.#end(done, failures);
      if (flushed.error || wanted === 0) return flushed.error ? flushed : ok([]);
    } else if (wanted === 0) {
      const flushed = await this.#end(done, failures);
      return flushed.error ? flushed : ok([]);
    }
    const answer = anyTenant
      ? await this.#door.rpc("claim_any_jobs", values, turned)
      : await this.#door.rpc("turn_jobs", { ...values, done, failures }, turned);
    if (answer.error) return answer;
    this.#place = answer.data.place;
    if (full) {
      this.#fullClaimAt = performance.now();
      this.#fullClaimMs = answer.data.took;
    }
    return ok(answer.data.jobs);
  }

  async #end(done: object[], failures: object[]): Promise<Result<null>> {
    if (done.length > 0) {
      const answer = await this.#door.rpc("complete_jobs", { done }, completed);
      if (answer.error) return answer;
    }
    if (failures.length > 0) {
      const answer = await this.#door.rpc("fail_jobs", { failures }, failedJobs);
      if (answer.error) return answer;
    }
    return ok(null);
  }

  /** While claims are slow, one in so many looks at everything: what committed late is found then. */
  #isFullClaim(): boolean {
    if (this.#fullClaimMs < slowClaimMs) return true;
    return performance.now() - this.#fullClaimAt > Math.max(1_000, 20 * this.#fullClaimMs);
  }

  #placeOf(full: boolean): Place {
    const { marks: _, due: __, ...place } = this.#place;
    if (this.#fullClaimMs < slowClaimMs) return place;
    return full ? { ...place, marks: [] } : { ...this.#place, marks: this.#place.marks ?? [] };
  }

  /** A call failed: what was to be recorded stays, and it is tried again, slower each time. */
  #stumble(error: MayflyError, endings: Ending[]): void {
    this.#options.onError?.(error);
    if (fatal.includes(error.code)) return this.#conclude(error);
    // What the server will never take, such as a result that is no JSON of ours, must not stay in the way.
    if (error.code === "invalid_request" && endings.length > 0) {
      if (endings.length > 1) for (const ending of endings) void this.#alone(ending);
      else for (const ending of endings) this.#endings.push(refusedEnding(ending, error));
    } else this.#endings.unshift(...endings);
    this.#turning = true;
    const delay = retryMs[Math.min(this.#failures++, retryMs.length - 1)] ?? 15_000;
    setTimeout(() => {
      this.#turning = false;
      this.#schedule();
    }, jittered(delay));
  }

  async #alone(ending: Ending): Promise<void> {
    const { lease, result, failure } = ending;
    const answer = failure
      ? await this.#end([], [{ lease, ...failure.said }])
      : await this.#end([{ lease, result }], []);
    if (!answer.error) this.done++;
    else if (answer.error.code === "invalid_request") this.#endings.push(refusedEnding(ending, answer.error));
    else this.#endings.push(ending);
    this.#schedule();
  }

  async #flush(): Promise<void> {
    const endings = this.#endings.splice(0);
    if (endings.length === 0) return;
    const { error } = await this.#take(endings, 0);
    if (error) this.#options.onError?.(error);
    else this.done += endings.length;
  }

  async #giveBack(leases: string[]): Promise<void> {
    const { error } = await this.#door.rpc("release_jobs", { leases }, released);
    // At worst they come back when their leases end.
    if (error) this.#options.onError?.(error);
  }

  async #heartbeat(): Promise<void> {
    const leases = [...this.#running.keys(), ...this.#waiting.map(({ lease }) => lease)];
    if (leases.length === 0) return;
    const { lease } = this.#options;
    const { data, error } = await this.#door.rpc("heartbeat_jobs", { leases, lease }, heard);
    if (error) return void this.#options.onError?.(error);
    const lost = data.lost.map((at) => leases[at]);
    this.#waiting = this.#waiting.filter((job) => !lost.includes(job.lease));
    for (const [codes, places] of [
      ["lease_lost", data.lost],
      ["job_cancelled", data.cancelled],
    ] as const)
      for (const at of places) this.#running.get(leases[at] ?? "")?.abort(overFor(codes));
  }
}

const setImmediateOr = (step: () => void) =>
  typeof setImmediate === "function" ? void setImmediate(step) : void setTimeout(step, 0);

/** The server refuses the result: the attempt failed, for good. */
const refusedEnding = ({ lease }: Ending, error: MayflyError): Ending => ({
  lease,
  failure: {
    said: { error: { code: error.code, message: error.message }, retryable: false },
    cause: error,
  },
});

const overFor = (code: "lease_lost" | "job_cancelled") =>
  new MayflyError({
    code,
    message: code === "lease_lost" ? "The lease of this job is over." : "The job was cancelled.",
    hint: "Stop working on it.",
    details: null,
  });

const stopped = () =>
  new MayflyError({
    code: "lease_lost",
    message: "The worker was stopped.",
    hint: "The job is ready for another.",
    details: null,
  });
