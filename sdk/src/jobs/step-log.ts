import type { z } from "zod";
import type { MayflyError } from "../contract/errors.ts";
import { readSteps, recorded } from "./answers.ts";
import type { JobsDoor } from "./door.ts";

interface Step {
  name: string;
  result: unknown;
  ms: number;
}
type StepPage = z.infer<typeof readSteps>;
interface Pending extends Step {
  resolve: (result: unknown) => void;
  reject: (error: MayflyError) => void;
}

const stepsPerCall = 1_000;
/** Results of up to 256 KB each: of a call that would be larger the rest goes with the next. */
const bytesPerCall = 2_000_000;

/**
 * The recorded steps of a job: read once, in pages, at the first step of an attempt that may find some;
 * and written, those that end at once in one call.
 */
export class StepLog {
  readonly #door: JobsDoor;
  readonly #lease: string;
  #read: Promise<Map<string, unknown>> | undefined;
  readonly #taken = new Set<string>();
  #pending: Pending[] = [];
  #writing = false;

  constructor(door: JobsDoor, lease: string, mayHaveSome: boolean) {
    this.#door = door;
    this.#lease = lease;
    if (!mayHaveSome) this.#read = Promise.resolve(new Map());
  }

  /** Whether this attempt has asked for the step already; marks it. */
  isTaken(name: string): boolean {
    const taken = this.#taken.has(name);
    this.#taken.add(name);
    return taken;
  }

  async known(name: string): Promise<{ result: unknown } | undefined> {
    const steps = await this.all();
    return steps.has(name) ? { result: steps.get(name) } : undefined;
  }

  /** Everything that is recorded. */
  all(): Promise<Map<string, unknown>> {
    this.#read ??= this.#readAll();
    return this.#read;
  }

  /** Reads everything again: the server has recorded more than it told. */
  reread(): Promise<Map<string, unknown>> {
    this.#read = this.#readAll();
    return this.#read;
  }

  /** @returns what is recorded: the first result, if there was one. */
  record(step: Step): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ ...step, resolve, reject });
      if (!this.#writing) void this.#write();
    });
  }

  async #readAll(): Promise<Map<string, unknown>> {
    const steps = new Map<string, unknown>();
    for (let after: string | null = null; ; ) {
      const page: StepPage = await this.#page(after);
      for (const [name, result] of Object.entries(page.steps)) steps.set(name, result);
      if (!page.more) return steps;
      after = page.last;
    }
  }

  async #page(after: string | null): Promise<StepPage> {
    const values = { lease: this.#lease, ...(after !== null && { after }) };
    const { data, error } = await this.#door.call("read_steps", values, readSteps);
    if (error) throw error;
    return data;
  }

  async #write(): Promise<void> {
    this.#writing = true;
    // What ends in the same turn of the event loop goes together.
    await null;
    while (this.#pending.length > 0) {
      const part: Pending[] = [];
      let bytes = 0;
      for (const step of this.#pending) {
        bytes += JSON.stringify(step.result)?.length ?? 0;
        if (part.length > 0 && (bytes > bytesPerCall || part.length >= stepsPerCall)) break;
        part.push(step);
      }
      this.#pending = this.#pending.slice(part.length);
      const steps = part.map(({ name, result, ms }) => ({ name, result, ms }));
      const { data, error } = await this.#door.call(
        "record_steps",
        { lease: this.#lease, steps },
        recorded,
      );
      for (const { name, result, resolve, reject } of part) {
        if (error) reject(error);
        else resolve(Object.hasOwn(data.known, name) ? data.known[name] : result);
      }
    }
    this.#writing = false;
  }
}
