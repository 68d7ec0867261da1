import type { Logger } from "../log.ts";
import { FunctionsProcess } from "./child.ts";
import type { FunctionSpec } from "./protocol.ts";

/** What one start of Deno needs. It is read again at every start, so that edits take effect. */
export interface Plan {
  deno: string;
  args: string[];
  env: Record<string, string>;
  functions: FunctionSpec[];
}

export interface SupervisorOptions {
  plan: () => Plan;
  log: Logger;
  cpuLimitMs: number;
  requestCpuMs: number | undefined;
  startTimeoutMs: number;
  /** How long a replaced process may take to finish its requests and background tasks. */
  drainMs: number;
}

/** A process that ran this long before it crashed is restarted at once. */
const STABLE_MS = 10_000;
const MAX_BACKOFF_MS = 5_000;

/** Keeps one Deno process serving: starts, replaces, restarts with backoff, stops. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #alive = new Set<FunctionsProcess>();
  #current: FunctionsProcess | undefined;
  /** The start in progress, including the wait before it. This promise never rejects. */
  #starting: Promise<FunctionsProcess | Error> | undefined;
  #startAgain = false;
  #crashes = 0;
  #failure: Error | undefined;
  #retry: NodeJS.Timeout | undefined;
  #wakeUp: () => void = () => {};
  #closed = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get current(): FunctionsProcess | undefined {
    return this.#current;
  }

  /** Why the latest start failed. Undefined if it did not fail. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** The process for a request. Waits while one starts. */
  async acquire(): Promise<FunctionsProcess> {
    if (this.#current) return this.#current;
    const outcome = await this.#starting;
    if (outcome instanceof FunctionsProcess && outcome === this.#current) return outcome;
    if (this.#current) return this.#current;
    if (outcome instanceof Error) throw outcome;
    throw this.#failure ?? new Error("The functions are stopped.");
  }

  /** Starts a process. It replaces the current process, unless fewer functions load in the new one. */
  start(): Promise<FunctionsProcess | Error> {
    if (this.#starting) {
      this.#startAgain = true;
      this.#wakeUp();
      return this.#starting;
    }
    return this.#startAfter(0);
  }

  async close(ms: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#wakeUp();
    const ending = this.#current;
    this.#current = undefined;
    for (const process of this.#alive) {
      if (process === ending || process.port !== 0) process.retire(ms);
      else process.kill("stopped");
    }
    await Promise.all([...this.#alive].map((process) => process.exited));
    await this.#starting;
  }

  #startAfter(delay: number): Promise<FunctionsProcess | Error> {
    clearTimeout(this.#retry);
    this.#starting = this.#launch(delay).then((outcome) => {
      this.#starting = undefined;
      if (this.#closed) return outcome;
      if (this.#startAgain) {
        this.#startAgain = false;
        return this.#startAfter(0);
      }
      if (outcome instanceof Error && !this.#current) {
        this.#retry = setTimeout(() => void this.#startAfter(0), this.#backOff());
      }
      return outcome;
    });
    return this.#starting;
  }

  async #launch(delay: number): Promise<FunctionsProcess | Error> {
    if (delay > 0) await this.#pause(delay);
    if (this.#closed) return new Error("The functions are stopped.");
    this.#startAgain = false;
    const { log, drainMs } = this.#options;
    try {
      const process = this.#spawn();
      await process.ready;
      if (this.#closed) throw new Error("The functions are stopped.");
      const previous = this.#current;
      const worse = Object.keys(process.failed).filter(
        (name) => !(name in (previous?.failed ?? {})),
      );
      for (const [name, reason] of Object.entries(process.failed)) {
        const outcome = previous ? "; the previous version keeps running" : "";
        if (!previous || worse.includes(name)) {
          log.error(`[${name}] does not load: ${reason}${outcome}`, { function: name });
        }
      }
      if (previous && worse.length > 0) {
        process.kill("stopped");
        return new Error(`${worse.join(", ")} did not load.`);
      }
      this.#failure = undefined;
      this.#current = process;
      previous?.retire(drainMs);
      const ms = Math.round(performance.now() - process.startedAt);
      log.debug(`[functions] ${previous ? "reloaded" : "ready"} in ${ms} ms`, { pid: process.pid });
      return process;
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      const news = failure.message !== this.#failure?.message;
      if (news && !this.#closed) log.error(`[functions] ${failure.message}`);
      this.#failure = failure;
      return failure;
    }
  }

  #spawn(): FunctionsProcess {
    const { plan, log, cpuLimitMs, requestCpuMs, startTimeoutMs } = this.#options;
    const process = new FunctionsProcess({
      ...plan(),
      log,
      cpuLimitMs,
      requestCpuMs,
      startTimeoutMs,
      onPoisoned: () => this.#replace(process),
    });
    this.#alive.add(process);
    void process.exited.then((reason) => {
      this.#alive.delete(process);
      if (process !== this.#current) return;
      const why =
        reason === "cpu"
          ? `kept the CPU for over ${(requestCpuMs ?? cpuLimitMs) / 1000} s and were ended`
          : `crashed${process.lastWords ? ` (${process.lastWords})` : ""}`;
      log.error(`[functions] the functions ${why}, so they restart`);
      this.#replace(process);
    });
    return process;
  }

  #replace(process: FunctionsProcess): void {
    if (process !== this.#current || this.#closed) return;
    this.#current = undefined;
    process.retire(this.#options.drainMs);
    if (performance.now() - process.startedAt > STABLE_MS) this.#crashes = 0;
    const delay = this.#crashes === 0 ? 0 : this.#backOff();
    this.#crashes += 1;
    if (this.#starting) this.#startAgain = true;
    else void this.#startAfter(delay);
  }

  #backOff(): number {
    return Math.min(MAX_BACKOFF_MS, 100 * 2 ** Math.min(this.#crashes, 10));
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#retry = setTimeout(resolve, ms);
      this.#wakeUp = () => {
        clearTimeout(this.#retry);
        resolve();
      };
    });
  }
}
