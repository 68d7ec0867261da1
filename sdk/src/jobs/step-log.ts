import type { z } from "zod";
import { Artifacts, fitting, isLarge, isRef } from "../artifacts/artifacts.ts";
import type { MayflyError } from "../contract/errors.ts";
import { type ClaimedRow, readSteps, recorded } from "./answers.ts";
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

const stepMark = "step";
const stepsPerCall = 1_000;
/** Called with each step that is recorded now or was recorded before. */
export type OnStep = (name: string, ms: number, isKnown: boolean) => void;

/**
 * One call carries at most this many bytes, and the rest goes into the next call. A single result has at
 * most 256 KB.
 */
const bytesPerCall = 2_000_000;

/**
 * The recorded steps of a job. They come with the claim, unless they are too large. In that case, the
 * attempt reads them once, in pages, when it reaches its first step. Steps that end at the same time are
 * written in one call.
 */
export class StepLog {
  readonly #door: JobsDoor;
  readonly #job: ClaimedRow;
  readonly #lease: string;
  #read: Promise<Map<string, unknown>> | undefined;
  readonly #taken = new Set<string>();
  #pending: Pending[] = [];
  #writing = false;

  constructor(door: JobsDoor, job: ClaimedRow) {
    this.#door = door;
    this.#job = job;
    this.#lease = job.lease;
    // An earlier attempt may have recorded steps. They come with the claim, unless they are too large.
    const steps = job.attempt === 1 ? {} : job.steps;
    if (steps) this.#read = Promise.resolve(new Map(Object.entries(steps)));
  }

  /** Marks the name of a step as used in this attempt. Returns whether it was used before. */
  isTaken(name: string): boolean {
    const taken = this.#taken.has(name);
    this.#taken.add(name);
    return taken;
  }

  async known(name: string): Promise<{ result: unknown } | undefined> {
    const steps = await this.all();
    if (!steps.has(name)) return undefined;
    const result = await this.#whole(name, steps.get(name));
    steps.set(name, result);
    return { result };
  }

  /** Everything that is recorded. */
  all(): Promise<Map<string, unknown>> {
    this.#read ??= this.#readAll();
    return this.#read;
  }

  /** Reads everything again, because the server has recorded more than it returned. */
  reread(): Promise<Map<string, unknown>> {
    this.#read = this.#readAll();
    return this.#read;
  }

  /**
   * A result of more than 256 KB becomes an artifact, and the row refers to it.
   *
   * @returns the recorded result. If another call recorded the step first, that is the other call's result.
   */
  async record(step: Step): Promise<unknown> {
    if (!isLarge(JSON.stringify(step.result))) return this.#add(step);
    const { name, result } = step;
    const kept = await fitting(this.#linkOf, `jobs/${this.#job.id}/steps`, result, { step: name });
    // The mark distinguishes this row from a reference that the step itself returned.
    const row = isRef(kept) ? { ...kept, [stepMark]: name } : kept;
    const first = await this.#add({ ...step, result: row });
    return first === row ? result : this.#whole(name, first);
  }

  #add(step: Step): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ ...step, resolve, reject });
      if (!this.#writing) void this.#write();
    });
  }

  /** Returns the result of a row. If the row refers to an artifact, reads the artifact. */
  async #whole(name: string, result: unknown): Promise<unknown> {
    const link = isRef(result) && Object(result)[stepMark] === name && this.#linkOf();
    if (!link) return result;
    const { data, error } = await new Artifacts(link).resolve(result);
    if (error) throw error;
    return data;
  }

  #linkOf = () => this.#door.link?.(this.#job.tenant_id);

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
    // Steps that end in the same turn of the event loop are sent together.
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
