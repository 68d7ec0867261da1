import type { Note } from "../contract/debug.ts";
import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { jittered } from "../link/jitter.ts";
import { lookAgainMs } from "../link/look-again.ts";
import { type ClaimedRow, released } from "./answers.ts";
import { besideFrom, Pace, passing, retryAfterMs, soon } from "./claim-timing.ts";
import type { JobsDoor } from "./door.ts";
import { type Ending, type JobHandlers, type LocalJob, startJob } from "./local-job.ts";
import { onTermination } from "./termination.ts";
import { Turns } from "./turns.ts";
import { faultIn, type Work, type WorkOptions } from "./work-options.ts";
import { fatal, overFor, overran, refusedEnding, stopped, tell } from "./worker-errors.ts";

export class Worker implements Work {
  done = 0;
  returned = 0;
  readonly ended: Promise<MayflyError | null>;
  readonly #door: JobsDoor;
  readonly #handlers: JobHandlers;
  readonly #options: Required<Pick<WorkOptions, "concurrency" | "lease" | "pollMs">> & WorkOptions;
  readonly #note: Note | undefined;
  readonly #turns: Turns;
  /** Claimed jobs that have not started, in order. */
  #waiting: ClaimedRow[] = [];
  readonly #running = new Map<string, LocalJob>();
  #endings: Ending[] = [];
  /** 0: there may be more jobs. 1: the last look found fewer than it asked for. 2: the worker may sleep. */
  #quiet = 0;
  /** Counts events that may have made jobs ready. A running call may not see these jobs. */
  #stirs = 0;
  /** The pauses before further looks for an announced job that is not visible yet. */
  #looks: number[] = [];
  readonly #pace = new Pace();
  /** How many jobs were sent to this worker while it was also asking for jobs. */
  #sentMeanwhile = 0;
  /** How many calls are running. `#asked` is how many jobs they ask for. */
  #underWay = 0;
  #taking: Promise<unknown> = Promise.resolve();
  #asked = 0;
  /** Whether the last claim returned as many jobs as it asked for, so there may be more. */
  #isFull = false;
  /** Whether a job was announced during a call that may not see it. A second call then starts at once. */
  #isTold = false;
  #scheduled = false;
  #paused = false;
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
    this.#turns = new Turns(door, Object.keys(handlers), this.#options);
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#unwake = door.onWake((sent) => {
      if (sent) return this.#receive(this.#turns.sentHere(sent));
      this.#looks = [...lookAgainMs];
      this.#isTold = this.#underWay > 0;
      this.#wake();
    });
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
    const fault = faultIn(handlers, options);
    return fault ? failed(fault) : ok(new Worker(door, handlers, options, note));
  }

  get running() {
    return this.#running.size;
  }
  async stop({ timeoutMs = 25_000 }: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#finished) return;
    this.#draining = true;
    const leaving = this.#turns.leave(timeoutMs);
    await this.#giveBack(this.#waiting.splice(0));
    const drained = new Promise<void>((done) => (this.#isIdle() ? done() : this.#idle.push(done)));
    await Promise.race([drained, passing(timeoutMs)]);
    const left = [...this.#running.values()];
    if (left.length > 0) {
      const { stalledMs = Number.POSITIVE_INFINITY } = this.#options;
      const stuck = left.filter(({ idleMs }) => idleMs() > stalledMs);
      this.#endings.push(...stuck.map(({ lease }) => overran(lease)));
      for (const { abort } of left) abort(stopped());
      await this.#giveBack(left.filter((one) => !stuck.includes(one)));
    }
    const refused = await leaving;
    if (refused) this.#tell(refused);
    await this.#flush();
    this.#conclude(null);
  }

  #isIdle = () =>
    this.#running.size === 0 &&
    this.#endings.length === 0 &&
    !(this.#underWay > 0 || this.#scheduled || this.#paused);

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

  /** Starts a job that the database has sent, with a short lease that has to be extended at once. */
  #receive(job: ClaimedRow | undefined): void {
    if (!job || this.#finished) return;
    const isFull = this.#running.size + this.#waiting.length >= this.#options.concurrency;
    if (this.#draining || isFull) return void this.#giveBack([job]);
    this.#waiting.push(job);
    if (this.#asked > 0) this.#sentMeanwhile++;
    void this.#heartbeat();
    // A handler that blocks the event loop must not delay the heartbeat.
    soon(() => this.#begin());
    this.#wake();
  }

  #wake(): void {
    this.#quiet = 0;
    this.#stirs++;
    this.#schedule();
  }

  /** Makes the next call after this turn of the event loop, with all jobs that end during the turn. */
  #schedule(): void {
    const most = this.#isFull || this.#isTold ? 2 : 1;
    if (this.#underWay >= most || this.#scheduled || this.#paused || this.#finished) return;
    clearTimeout(this.#poll);
    this.#scheduled = true;
    soon(() => {
      this.#scheduled = false;
      void this.#turn();
    });
  }

  #wanted(): number {
    if (this.#draining || this.#quiet >= 2) return 0;
    const { concurrency } = this.#options;
    const ahead = this.#pace.ahead(concurrency);
    const free = concurrency - this.#running.size - this.#waiting.length;
    if (this.#isTold && this.#asked > 0) return Math.max(0, free);
    // Below zero if the waiting jobs were claimed while jobs took less time.
    const room = Math.max(0, free + ahead - this.#asked);
    if (this.#isFull && this.#asked === 0 && ahead > concurrency) return Math.ceil(room / 2);
    // Claiming a few jobs at a time is expensive, so wait until half of the room is free.
    const isEnough = room >= Math.min(concurrency, (concurrency + ahead) / 2);
    const isIdle = this.#running.size === 0 || this.#waiting.length === 0;
    return isEnough || isIdle || this.#endings.length > 0 ? room : 0;
  }

  async #turn(): Promise<void> {
    if (this.#paused || this.#finished) return;
    const wanted = this.#wanted();
    const isEnough = this.#isTold || wanted + this.#endings.length >= besideFrom;
    this.#isTold = false;
    if (this.#underWay > 0 && !isEnough) return;
    const endings = this.#endings.splice(0, 500);
    if (wanted === 0 && endings.length === 0) return this.#rest();
    this.#underWay++;
    this.#asked += wanted;
    const stirs = this.#stirs;
    const taking = this.#turns.take(endings, wanted);
    this.#taking = Promise.all([this.#taking, taking]);
    if (this.#isFull) this.#schedule();
    const answer = await taking;
    this.#underWay--;
    this.#asked -= wanted;
    if (!answer.error) this.done += endings.length;
    if (this.#finished) return;
    if (answer.error) return this.#stumble(answer.error, endings);
    this.#failures = 0;
    const { jobs, isAsleep } = answer.data;
    if (jobs.length > 0) this.#looks = [];
    if (wanted > 0) {
      this.#isFull = jobs.length === wanted;
      this.#quiet = this.#isFull || stirs !== this.#stirs ? 0 : isAsleep ? 2 : 1;
    }
    if (this.#draining) await this.#giveBack(jobs);
    else this.#waiting.push(...jobs);
    this.#begin();
    await this.#giveBackSurplus();
    this.#schedule();
  }

  /** If a job was sent while the worker asked for jobs, it may have got more than it has room for. */
  async #giveBackSurplus(): Promise<void> {
    const ahead = this.#pace.ahead(this.#options.concurrency);
    const surplus = Math.min(this.#sentMeanwhile, this.#waiting.length - ahead);
    this.#sentMeanwhile = 0;
    if (surplus > 0) await this.#giveBack(this.#waiting.splice(-surplus));
  }

  /** Waits until somebody wakes the worker, a job ends, or it is time to look again. */
  #rest(): void {
    if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve();
    clearTimeout(this.#poll);
    if (this.#draining || this.#finished) return;
    if (this.#options.untilEmpty && this.#quiet >= 2 && this.#isIdle()) return void this.stop();
    const pause = this.#turns.pauseMs(this.#looks, this.#options.pollMs);
    this.#poll = setTimeout(() => this.#wake(), pause);
  }

  #begin(): void {
    while (this.#running.size < this.#options.concurrency) {
      const given = this.#waiting.shift();
      if (!given) return;
      const begun = performance.now();
      const local = startJob(this.#door, given, this.#handlers, this.#note, (ending, isKnown) => {
        this.#running.delete(given.lease);
        if (isKnown) this.done++;
        this.#pace.add(performance.now() - begun);
        if (ending) this.#endings.push(ending);
        // The job may have made others ready, such as its children or its parent.
        if (this.#options.untilEmpty) this.#wake();
        if (ending?.failure && !this.#finished) this.#tell(ending.failure.cause);
        this.#begin();
        this.#schedule();
      });
      this.#running.set(given.lease, local);
    }
  }

  #tell = (error: MayflyError, ends = false) => tell(this.#options.onError, error, ends);

  /** Handles a failed call: keeps what has to be recorded, and tries again, more slowly each time. */
  #stumble(error: MayflyError, endings: Ending[]): void {
    const ends = fatal.includes(error.code);
    this.#tell(error, ends);
    if (ends) {
      this.#conclude(error);
      return;
    }
    // An invalid result, which the server will never accept, must not block the rest.
    if (error.code === "invalid_request" && endings.length > 0) {
      if (endings.length > 1) for (const ending of endings) void this.#alone(ending);
      else for (const ending of endings) this.#endings.push(refusedEnding(ending, error));
    } else this.#endings.unshift(...endings);
    this.#paused = true;
    const pause = jittered(retryAfterMs(this.#failures++));
    setTimeout(() => {
      this.#paused = false;
      this.#schedule();
    }, pause);
  }

  async #alone(ending: Ending): Promise<void> {
    const again = await this.#turns.endOne(ending);
    if (again) this.#endings.push(again);
    else this.done++;
    this.#schedule();
  }

  async #flush(): Promise<void> {
    await this.#taking;
    const endings = this.#endings.splice(0);
    const { error } = await this.#turns.take(endings, 0);
    if (error) this.#tell(error);
    else this.done += endings.length;
  }

  async #giveBack(jobs: { lease: string }[]): Promise<void> {
    if (jobs.length === 0) return;
    const leases = jobs.map(({ lease }) => lease);
    const { error } = await this.#door.call("release_jobs", { leases }, released);
    // If these jobs could not be given back, they become ready when their leases end.
    if (error) this.#tell(error);
    else this.returned += leases.length;
  }

  async #heartbeat(): Promise<void> {
    const leases = [...this.#running.keys(), ...this.#waiting.map(({ lease }) => lease)];
    if (leases.length === 0) return;
    const { data, error } = await this.#turns.heartbeat(leases);
    if (error) return this.#tell(error);
    this.#waiting = this.#waiting.filter(({ lease }) => data.get(lease) !== "lease_lost");
    for (const [lease, code] of data) this.#running.get(lease)?.abort(overFor(code));
  }
}
