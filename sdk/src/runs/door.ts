import type { z } from "zod";
import type { Database } from "../contract/database.types.ts";
import type { MayflyError, Result } from "../contract/errors.ts";
import type { HeldJob } from "../jobs/held-job.ts";

type Functions = keyof Database["mayfly"]["Functions"];

/** The pauses before a write is repeated because its answer was lost. Every write is stored only once. */
const pausesMs = [50, 200, 1_000];

/**
 * Kinds of writes that count as progress of a run. When the time of an edge function is up, the function
 * gives back a job that has made progress, and fails any other job.
 */
const steps: Partial<Record<Functions, string>> = {
  record_model_call: "model",
  end_tool_calls: "tools",
};

/** The writes of a run, each with the lease of its job. */
export class RunDoor {
  readonly #job: HeldJob;

  constructor(job: HeldJob) {
    this.#job = job;
  }

  async write<T>(name: Functions, values: object, form: z.ZodType<T>): Promise<Result<T>> {
    const begun = performance.now();
    for (const pause of [...pausesMs, null]) {
      const answer = await this.#job.call(name, { lease: this.#job.lease, ...values }, form);
      const step = steps[name];
      if (step && !answer.error) this.#job.parts.told(step, performance.now() - begun, false);
      if (answer.error?.code !== "unavailable" || pause === null || this.#job.signal.aborted)
        return answer;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    throw new Error("unreachable");
  }

  /**
   * Like `write`, for writes without which a run cannot continue.
   *
   * @throws the error.
   */
  async must<T>(name: Functions, values: object, form: z.ZodType<T>): Promise<T> {
    const { data, error } = await this.write(name, values, form);
    if (error) throw error satisfies MayflyError;
    return data;
  }
}
