import type { z } from "zod";
import type { Database } from "../contract/database.types.ts";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import {
  type Reserved,
  releasedCosts,
  reservedRows,
  type Settled,
  settledRows,
} from "./answers.ts";
import type { ModelUsage } from "./types.ts";

type Functions = keyof Database["mayfly"]["Functions"];
type Call = <T>(name: Functions, values: object, form: z.ZodType<T>) => Promise<Result<T>>;

/** A call that is about to be made. */
export interface CostAsk {
  /** The call's own UUID. */
  id: string;
  lease?: string;
  agent: string;
  provider: string;
  model: string;
  /** How many tokens its prompt has at most. */
  input: number;
  /** How many tokens it should be able to return, and how many it needs at least. */
  output?: number;
  output_least?: number;
}

interface Waiting<In, Out> {
  asked: In;
  resolve: (answer: Result<Out>) => void;
}

const perCall = 500;

/**
 * Reservations and settlements of a worker's model calls. Calls that arrive while a statement is
 * running share the next statement. Each commit locks the budget, so fewer commits mean less
 * waiting.
 */
export class Reservations {
  readonly #reserving: Batch<CostAsk, Reserved>;
  readonly #settling: Batch<{ hold: string; usage: ModelUsage }, Settled>;
  readonly #releasing: Batch<{ hold: string; failure?: string; retry_after?: number }, null>;

  constructor(call: Call) {
    this.#reserving = new Batch(async (asks) => call("reserve_costs", { asks }, reservedRows));
    this.#settling = new Batch(async (settlements) =>
      call("settle_costs", { settlements }, settledRows),
    );
    this.#releasing = new Batch(async (releases) => {
      const answer = await call("release_costs", { releases }, releasedCosts);
      return answer.error ? answer : ok(releases.map(() => null));
    });
  }

  /**
   * @returns how many tokens the call may return. Errors: `budget_exceeded`, `price_unknown`,
   * `model_unavailable`, `rate_limited`, `lease_lost`.
   */
  async reserve(ask: CostAsk): Promise<Result<{ output: number; priced: string }>> {
    const answer = await this.#reserving.add(ask);
    if (answer.error) return answer;
    const { granted, output, priced } = answer.data;
    return granted && output !== undefined
      ? ok({ output, priced: priced ?? "unknown" })
      : failed(refusal(ask, answer.data));
  }

  /**
   * Whether a request is running. New requests then wait and share the next statement, so a caller that could
   * also reserve as part of another write does not do so.
   */
  get isBusy(): boolean {
    return this.#reserving.isBusy;
  }

  settle(hold: string, usage: ModelUsage): Promise<Result<Settled>> {
    return this.#settling.add({ hold, usage });
  }

  release(hold: string, failure?: string, retryAfter?: number): Promise<Result<null>> {
    return this.#releasing.add({
      hold,
      ...(failure && { failure }),
      ...(retryAfter !== undefined && { retry_after: retryAfter }),
    });
  }
}

/** Sends everything that arrived during the previous call, in one call. */
class Batch<In, Out> {
  readonly #send: (asked: In[]) => Promise<Result<Out[]>>;
  #waiting: Waiting<In, Out>[] = [];
  #busy = false;

  constructor(send: (asked: In[]) => Promise<Result<Out[]>>) {
    this.#send = send;
  }

  get isBusy(): boolean {
    return this.#busy;
  }

  add(asked: In): Promise<Result<Out>> {
    return new Promise((resolve) => {
      this.#waiting.push({ asked, resolve });
      if (!this.#busy) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#busy = true;
    // Requests in the same turn of the event loop share a call.
    await null;
    while (this.#waiting.length > 0) {
      const part = this.#waiting.splice(0, perCall);
      const answer = await this.#send(part.map(({ asked }) => asked));
      part.forEach(({ resolve }, at) => {
        resolve(answer.error ? answer : ok(answer.data[at] as Out));
      });
    }
    this.#busy = false;
  }
}

const messages: Record<string, [string, string]> = {
  budget_exceeded: [
    "A hard budget has no room for this call.",
    "Raise the budget, or wait until its next period begins.",
  ],
  price_unknown: [
    "A hard budget needs the price of this model, and it is not known.",
    "Run `mayfly prices import`, or import a price of your own.",
  ],
  model_unavailable: ["The model has failed too often.", "Try another model, or later."],
  rate_limited: ["A rate limit has no room for this call.", "Try again later."],
  lease_lost: ["The lease of this job is over.", "Stop working on it."],
};

function refusal({ provider, model }: CostAsk, answer: Reserved): MayflyError {
  const { id: _id, code = "internal", ...more } = answer;
  const [reason, hint] = messages[code] ?? ["The call was refused.", null];
  const { retry_after: wait } = answer;
  const message = wait === undefined ? reason : `${reason} It may be called again in ${wait} s.`;
  return new MayflyError({
    code: code as MayflyError["code"],
    message,
    hint,
    details: { provider, model, ...more },
  });
}
