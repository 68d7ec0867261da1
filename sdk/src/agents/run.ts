import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { jittered } from "../link/jitter.ts";
import { within } from "../link/ticks.ts";
import type { SpawnOptions } from "./spawn.ts";

export interface RunOptions extends SpawnOptions {
  /** Whether to pull before the work, so that `recallLocal` knows the tenant; true by default. */
  pull?: boolean;
  /**
   * Seconds that it waits in all when the tenant's rate limits refuse the spawn or a push; 60 by
   * default, 0: not at all.
   */
  maxWait?: number;
}

/** An agent around which work is done. */
interface Worker {
  readonly id: string;
  readonly scopes: string[];
  readonly outbox: {
    readonly waiting: number;
    readonly refused: readonly { operation: object; agentId: string | null; error: MayflyError }[];
  };
  sync(options?: { pull?: boolean }): Promise<Result<unknown>>;
  stop(reason?: string): Promise<Result<unknown>>;
}

/** What spawns, and pushes for those who are gone. */
interface Spawner<Agent> {
  spawn(options: SpawnOptions): Promise<Result<Agent>>;
  outbox: { drain(): Promise<Result<unknown>> };
}

/** A push that finds nobody is tried again so often. */
const pushTries = 3;
const retryDelayMs = 500;
/** As long as a stop reason may be. */
const maxReason = 500;

/**
 * The whole life of an agent around some work: spawn, pull, work, push, stop.
 *
 * The result is what the work returned, when everything that it remembered was pushed. Else `error`
 * is, in this order:
 * - what `spawn` or the first pull returned: then the work was not begun;
 * - what the work threw: a MayflyError as it is (so `if (error) throw error` goes through), anything
 *   else as `work_failed` with the thrown as `cause`;
 * - what the push returned: then `details.result` is what the work returned, and what was learned is
 *   still in the outbox, for `mayfly.outbox.drain()` or the next agent;
 * - why the server refused something that was learned: then `details.result` is what the work returned,
 *   and `details.refused` holds the operations, which are dead letters.
 *
 * What a rate limit of the tenant refuses (`rate_limited`) is tried again after `details.retry_after`
 * seconds, `maxWait` in all.
 *
 * Also after work that threw, what it remembered is pushed; the stop reason is `done`, or carries
 * the message of what was thrown. An agent that died meanwhile leaves its outbox to the caller of
 * this, who drains it if it may.
 */
export async function run<Agent extends Worker, T>(
  mayfly: Spawner<Agent>,
  { pull = true, maxWait = 60, ...options }: RunOptions,
  work: (agent: Agent) => Promise<T> | T,
): Promise<Result<T>> {
  const patience = new Patience(maxWait);
  const { data: agent, error } = await patience.wait(() => mayfly.spawn(options));
  if (error) return failed(error);
  if (pull && agent.scopes.includes("memory:read")) {
    const pulled = await patience.wait(() => agent.sync());
    if (pulled.error) {
      await stop(agent, `The first pull failed: ${pulled.error.message}`);
      return failed(pulled.error);
    }
  }
  let outcome: Result<T>;
  try {
    outcome = ok(await work(agent));
  } catch (thrown) {
    outcome = failed(asError(thrown));
  }
  const unpushed = await push(agent, patience);
  await stop(agent, outcome.error ? `The work failed: ${outcome.error.message}` : "done");
  if (!unpushed) return unlessRefused(agent, outcome);
  // Its own token may be worth nothing any more; the caller's may be.
  const drained = await patience.wait(() => mayfly.outbox.drain());
  if (outcome.error || (!drained.error && agent.outbox.waiting === 0)) {
    return unlessRefused(agent, outcome);
  }
  const details = { result: outcome.data, unsynced: agent.outbox.waiting };
  return failed(notPushed("The work is done, but not pushed", unpushed, details));
}

/** What the work returned, unless something that it remembered is a dead letter. */
function unlessRefused<T>(agent: Worker, outcome: Result<T>): Result<T> {
  const refused = agent.outbox.refused.filter(({ agentId }) => agentId === agent.id);
  const [first] = refused;
  if (!first || outcome.error) return outcome;
  const details = { result: outcome.data, refused: refused.map(({ operation }) => operation) };
  const what = `The work is done, but ${refused.length} of its operations were refused`;
  return failed(notPushed(what, first.error, details));
}

function notPushed(what: string, cause: MayflyError, details: object): MayflyError {
  const { code, message, hint, requestId } = cause;
  return new MayflyError(
    {
      code,
      message: `${what}: ${message}`,
      hint,
      details,
      ...(requestId && { request_id: requestId }),
    },
    { cause },
  );
}

/** Waits out rate limits, so many seconds in all. */
class Patience {
  #leftMs: number;

  constructor(seconds: number) {
    this.#leftMs = seconds * 1000;
  }

  async wait<T>(call: () => Promise<Result<T>>): Promise<Result<T>> {
    for (;;) {
      const result = await call();
      if (result.error?.code !== "rate_limited") return result;
      const { retry_after: seconds = 1 } = (result.error.details ?? {}) as { retry_after?: number };
      const ms = Math.max(seconds * 1000, retryDelayMs);
      if (ms > this.#leftMs) return result;
      this.#leftMs -= ms;
      await new Promise((resolve) => setTimeout(resolve, within(ms)));
    }
  }
}

async function push(agent: Worker, patience: Patience): Promise<MayflyError | null> {
  for (let attempt = 1; agent.outbox.waiting > 0; attempt++) {
    const { error } = await patience.wait(() => agent.sync({ pull: false }));
    if (!error) return null;
    if (error.code !== "unavailable" || attempt === pushTries) return error;
    await new Promise((resolve) => setTimeout(resolve, jittered(retryDelayMs * attempt)));
  }
  return null;
}

/** An agent that cannot be stopped ends with its lifetime. */
async function stop(agent: Worker, reason: string): Promise<void> {
  // Neither half a surrogate pair nor U+0000 can be stored.
  const storable = reason.replaceAll("\0", "").slice(0, maxReason).toWellFormed();
  await agent.stop(storable);
}

function asError(thrown: unknown): MayflyError {
  if (thrown instanceof MayflyError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new MayflyError(
    {
      code: "work_failed",
      message: message || "The work failed.",
      hint: "The cause is what was thrown.",
      details: null,
    },
    { cause: thrown },
  );
}
