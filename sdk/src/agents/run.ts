import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { askedToWait, retried } from "../link/retry.ts";
import { within } from "../link/ticks.ts";
import type { SpawnOptions, TeamGroup } from "./spawn.ts";

/** How a team is begun and ended around some work. */
export interface RunTeamOptions {
  /** Whether to pull before the work, so that `recallLocal` knows the tenant; true by default. */
  pull?: boolean;
  /**
   * Seconds that it waits in all when the tenant's rate limits refuse the spawn or a push; 60 by
   * default, 0: not at all.
   */
  maxWait?: number;
}

export interface RunOptions extends SpawnOptions, RunTeamOptions {}

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
  spawnTeam(groups: TeamGroup[]): Promise<Result<Agent[]>>;
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
export function run<Agent extends Worker, T>(
  mayfly: Spawner<Agent>,
  { pull, maxWait, ...options }: RunOptions,
  work: (agent: Agent) => Promise<T> | T,
): Promise<Result<T>> {
  const spawn = async () => {
    const { data, error } = await mayfly.spawn(options);
    return error ? failed(error) : ok([data] as const);
  };
  return around(mayfly, spawn, ([agent]) => work(agent), { pull, maxWait });
}

/**
 * The same around a team: spawned all or none, and ended together, also when the work throws or an agent
 * cannot pull. What each has remembered is pushed. The result is as that of `run`.
 */
export function runTeam<Agent extends Worker, T>(
  mayfly: Spawner<Agent>,
  groups: TeamGroup[],
  work: (agents: Agent[]) => Promise<T> | T,
  { pull, maxWait }: RunTeamOptions,
): Promise<Result<T>> {
  return around(mayfly, () => mayfly.spawnTeam(groups), work, { pull, maxWait });
}

async function around<Agent extends Worker, Team extends readonly Agent[], T>(
  mayfly: Spawner<Agent>,
  spawn: () => Promise<Result<Team>>,
  work: (agents: Team) => Promise<T> | T,
  options: { pull: boolean | undefined; maxWait: number | undefined },
): Promise<Result<T>> {
  const patience = new Patience(options.maxWait ?? 60);
  const { data: agents, error } = await patience.wait(spawn);
  if (error) return failed(error);
  if (options.pull ?? true) {
    const unpulled = await pullAll(agents, patience);
    if (unpulled) {
      await stopAll(agents, `The first pull failed: ${unpulled.message}`);
      return failed(unpulled);
    }
  }
  let outcome: Result<T>;
  try {
    outcome = ok(await work(agents));
  } catch (thrown) {
    outcome = failed(asError(thrown));
  }
  const [unpushed] = await errorsOf(agents, (agent) => push(agent, patience));
  await stopAll(agents, outcome.error ? `The work failed: ${outcome.error.message}` : "done");
  if (!unpushed) return unlessRefused(agents, outcome);
  // Their own tokens may be worth nothing any more; the caller's may be.
  const drained = await patience.wait(() => mayfly.outbox.drain());
  const unsynced = agents.reduce((sum, { outbox }) => sum + outbox.waiting, 0);
  if (outcome.error || (!drained.error && unsynced === 0)) return unlessRefused(agents, outcome);
  const details = { result: outcome.data, unsynced };
  return failed(notPushed("The work is done, but not pushed", unpushed, details));
}

/** What went wrong with some of them; each is asked, whatever becomes of the others. */
async function errorsOf<Agent>(
  agents: readonly Agent[],
  step: (agent: Agent) => Promise<MayflyError | null>,
): Promise<MayflyError[]> {
  const errors = await Promise.all(agents.map(step));
  return errors.filter((error) => error !== null);
}

async function pullAll(
  agents: readonly Worker[],
  patience: Patience,
): Promise<MayflyError | undefined> {
  const readers = agents.filter(({ scopes }) => scopes.includes("memory:read"));
  const [error] = await errorsOf(readers, async (agent) => {
    const { error } = await patience.wait(() => agent.sync());
    return error;
  });
  return error;
}

/** What the work returned, unless something that they remembered is a dead letter. */
function unlessRefused<T>(agents: readonly Worker[], outcome: Result<T>): Result<T> {
  const refused = agents.flatMap(({ id, outbox }) =>
    outbox.refused.filter(({ agentId }) => agentId === id),
  );
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
      const ms = askedToWait(result.error) || 1_000;
      if (ms > this.#leftMs) return result;
      this.#leftMs -= ms;
      await new Promise((resolve) => setTimeout(resolve, within(ms)));
    }
  }
}

async function push(agent: Worker, patience: Patience): Promise<MayflyError | null> {
  if (agent.outbox.waiting === 0) return null;
  const sync = () => patience.wait(() => agent.sync({ pull: false }));
  const again = ({ code }: MayflyError) => code === "unavailable" && agent.outbox.waiting > 0;
  const { error } = await retried(sync, again, { firstMs: retryDelayMs, tries: pushTries });
  return agent.outbox.waiting > 0 ? error : null;
}

/** One that cannot be stopped ends with its lifetime. */
async function stopAll(agents: readonly Worker[], reason: string): Promise<void> {
  // Neither half a surrogate pair nor U+0000 can be stored.
  const storable = reason.replaceAll("\0", "").slice(0, maxReason).toWellFormed();
  await Promise.all(agents.map((agent) => agent.stop(storable)));
}

function asError(thrown: unknown): MayflyError {
  if (thrown instanceof MayflyError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new MayflyError(
    {
      code: "work_failed",
      message: message || "The work failed.",
      hint: "See the cause of this error.",
      details: null,
    },
    { cause: thrown },
  );
}
