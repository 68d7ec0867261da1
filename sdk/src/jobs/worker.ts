import type { Note } from "../contract/debug.ts";
import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { jittered } from "../link/jitter.ts";
import { lookAgainMs } from "../link/look-again.ts";
import { report } from "../link/report.ts";
import { type ClaimedRow, heard, released } from "./answers.ts";
import type { JobsDoor } from "./door.ts";
import { type Ending, type JobHandlers, type LocalJob, startJob } from "./local-job.ts";
import { aheadOf, retryAfterMs, soon } from "./pace.ts";
import { onTermination } from "./termination.ts";
import { Turns } from "./turns.ts";
import { faultIn, type Work, type WorkOptions } from "./work-options.ts";
import { fatal, overFor, overran, refusedEnding, stopped } from "./worker-errors.ts";

/** A second turn goes beside the first one when it has this much to do. */
const besideFrom = 32;

export class Worker implements Work {
  done = 0;
  /** Jobs that it has given back. */
  returned = 0;
  readonly ended: Promise<MayflyError | null>;
  readonly #door: JobsDoor;
  readonly #handlers: JobHandlers;
  readonly #options: Required<Pick<WorkOptions, "concurrency" | "lease" | "pollMs">> & WorkOptions;
  readonly #note: Note | undefined;
  readonly #turns: Turns;
  /** Claimed and not begun, in their order. */
  #waiting: ClaimedRow[] = [];
  readonly #running = new Map<string, LocalJob>();
  #endings: Ending[] = [];
  /** How often in a row nothing was found: twice, and it sleeps. */
  #quiet = 0;
  /** When it looks again after it found nothing: what committed as it went to sleep, or what it was told of, may not have been visible. */
  #looks: number[] = [];
  #meanMs = Number.POSITIVE_INFINITY;
  /** Turns under way, and how many jobs they ask for. */
  #underWay = 0;
  #asked = 0;
  /** The last claim gave all that it asked for: there may be more than one turn at a time brings. */
  #isFull = false;
  /** Told of a job while a turn was under way, which may not see it: another goes beside it. */
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
    this.#unwake = door.onWake(() => {
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
    if (fault) return failed(fault);
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
      const { stalledMs = Number.POSITIVE_INFINITY } = this.#options;
      const stuck = left.filter(({ idleMs }) => idleMs() > stalledMs);
      this.#endings.push(...stuck.map(({ lease }) => overran(lease)));
      for (const { abort } of left) abort(stopped());
      const others = left.filter((one) => !stuck.includes(one)).map(({ lease }) => lease);
      if (others.length > 0) await this.#giveBack(others);
    }
    await this.#flush();
    this.#conclude(null);
  }

  /** Settles when nothing runs and everything is recorded. */
  #drained(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
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

  #wake(): void {
    this.#quiet = 0;
    this.#schedule();
  }

  /** The next turn, after what is ready in this one of the event loop: jobs that end together go together. */
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
    const ahead = aheadOf(this.#meanMs, concurrency);
    const free = concurrency - this.#running.size - this.#waiting.length;
    if (this.#isTold && this.#asked > 0) return Math.max(0, free);
    const room = free + ahead - this.#asked;
    // Two turns at a time share it.
    if (this.#isFull && this.#asked === 0 && ahead > concurrency) return Math.ceil(room / 2);
    // A few at a time are dear; half of what there is room for is not.
    return room >= Math.min(concurrency, (concurrency + ahead) / 2) || this.#running.size === 0
      ? Math.max(0, room)
      : this.#endings.length > 0 || this.#waiting.length === 0
        ? Math.max(0, room)
        : 0;
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
    const taking = this.#turns.take(endings, wanted);
    if (this.#isFull) this.#schedule();
    const answer = await taking;
    this.#underWay--;
    this.#asked -= wanted;
    if (this.#finished) return;
    if (answer.error) return this.#stumble(answer.error, endings);
    this.#failures = 0;
    this.done += endings.length;
    if (answer.data.length > 0) this.#looks = [lookAgainMs[0]];
    if (wanted > 0) {
      this.#quiet = answer.data.length === 0 ? this.#quiet + 1 : 0;
      this.#isFull = answer.data.length === wanted;
    }
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
    if (this.#options.untilEmpty && this.#quiet >= 2 && this.#isIdle()) this.#conclude(null);
    if (this.#draining || this.#finished) return;
    const pause = this.#turns.pauseMs(this.#looks, this.#options.pollMs);
    this.#poll = setTimeout(() => this.#wake(), pause);
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
        // What it did may have made others ready: its children, its parent.
        if (this.#options.untilEmpty) this.#quiet = 0;
        if (ending?.failure && !this.#finished) this.#tell(ending.failure.cause);
        this.#begin();
        this.#schedule();
      });
      this.#running.set(given.lease, local);
    }
  }

  /** What ends the worker is never silent. What it tries again, and failures of jobs, only `onError` hears. */
  #tell(error: MayflyError, ends = false): void {
    const { onError } = this.#options;
    if (onError || ends)
      report(onError as ((error: unknown) => void) | undefined, "A worker of jobs", error);
  }

  /** A call failed: what was to be recorded stays, and it is tried again, slower each time. */
  #stumble(error: MayflyError, endings: Ending[]): void {
    const ends = fatal.includes(error.code);
    this.#tell(error, ends);
    if (ends) {
      this.#conclude(error);
      return;
    }
    // What the server will never take, such as a result that is no JSON of ours, must not stay in the way.
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
    const { lease, result, failure } = ending;
    const answer = failure
      ? await this.#turns.end([], [{ lease, ...failure.said }])
      : await this.#turns.end([{ lease, result }], []);
    if (!answer.error) this.done++;
    else if (answer.error.code === "invalid_request")
      this.#endings.push(refusedEnding(ending, answer.error));
    else this.#endings.push(ending);
    this.#schedule();
  }

  async #flush(): Promise<void> {
    const endings = this.#endings.splice(0);
    if (endings.length === 0) return;
    const { error } = await this.#turns.take(endings, 0);
    if (error) return this.#tell(error);
    this.done += endings.length;
  }

  async #giveBack(leases: string[]): Promise<void> {
    const { error } = await this.#door.call("release_jobs", { leases }, released);
    // At worst they come back when their leases end.
    if (error) this.#tell(error);
    else this.returned += leases.length;
  }

  async #heartbeat(): Promise<void> {
    const leases = [...this.#running.keys(), ...this.#waiting.map(({ lease }) => lease)];
    const beat = { leases, lease: this.#options.lease };
    if (leases.length === 0) return;
    const { data, error } = await this.#door.call("heartbeat_jobs", beat, heard);
    if (error) return this.#tell(error);
    const lost = data.lost.map((at) => leases[at]);
    this.#waiting = this.#waiting.filter((job) => !lost.includes(job.lease));
    for (const [codes, places] of [
      ["lease_lost", data.lost],
      ["job_cancelled", data.cancelled],
    ] as const)
      for (const at of places) this.#running.get(leases[at] ?? "")?.abort(overFor(codes));
  }
}
