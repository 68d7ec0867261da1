import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { Patience, retried } from "../link/retry.ts";
import type { SpawnOptions, TeamGroup } from "./spawn.ts";

/** How a team starts and ends around some work. */
export interface RunTeamOptions {
  /** Whether to pull before the work, so that `recallLocal` finds what the tenant knows. True by default. */
  pull?: boolean;
  /**
   * How many seconds to wait in all if the tenant's rate limits refuse the spawn or a push. 60 by default; 0
   * does not wait.
   */
  maxWait?: number;
}

export interface RunOptions extends SpawnOptions, RunTeamOptions {}

/** The agent that the work uses. */
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

/** Spawns agents, and pushes for agents that have ended. */
interface Spawner<Agent> {
  spawn(options: SpawnOptions): Promise<Result<Agent>>;
  spawnTeam(groups: TeamGroup[]): Promise<Result<Agent[]>>;
  outbox: { drain(): Promise<Result<unknown>> };
}

/** How many times in all to try a push that does not reach the server. */
const pushTries = 3;
const retryDelayMs = 500;
/** The longest allowed stop reason. */
const maxReason = 500;

/**
 * Runs the whole life of an agent around some work: spawn, pull, work, push, stop. If everything that it
 * remembered was pushed, the result is what the work returned. Otherwise, `error` is the first of these:
 *
 * - the error of `spawn` or the first pull; the work was then not started;
 * - the error that the work threw: a MayflyError unchanged (so that you can `throw error`), anything else as
 *   `work_failed` with the thrown value as `cause`;
 * - the error of the push; `details.result` is then what the work returned, and what was learned is still in
 *   the outbox, for `mayfly.outbox.drain()` or the next agent;
 * - the reason why the server refused an operation; `details.result` is then what the work returned, and
 *   `details.refused` has the operations, which are now dead letters.
 *
 * If a rate limit of the tenant refuses a call (`rate_limited`), it is retried after `details.retry_after`
 * seconds, up to `maxWait` in all. If the work throws, what it remembered is pushed as well, and the stop
 * reason is the message of the error instead of `done`. If the agent dies meanwhile, the caller drains the
 * agent's outbox, provided that the caller may do so.
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
 * Like `run`, but with a team. The team is spawned as a whole or not at all. Its agents are ended together,
 * even if the work throws or an agent cannot pull. What each agent remembered is pushed. The result is the
 * same as that of `run`.
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
  // The agents' tokens may have expired, but the caller's may still work.
  const drained = await patience.wait(() => mayfly.outbox.drain());
  const unsynced = agents.reduce((sum, { outbox }) => sum + outbox.waiting, 0);
  if (outcome.error || (!drained.error && unsynced === 0)) return unlessRefused(agents, outcome);
  const details = { result: outcome.data, unsynced };
  return failed(notPushed("The work is done, but not pushed", unpushed, details));
}

/** Runs a step for every agent, even if it fails for some, and returns the errors. */
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

/** What the work returned, unless an operation became a dead letter. */
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

async function push(agent: Worker, patience: Patience): Promise<MayflyError | null> {
  if (agent.outbox.waiting === 0) return null;
  const sync = () => patience.wait(() => agent.sync({ pull: false }));
  const again = ({ code }: MayflyError) => code === "unavailable" && agent.outbox.waiting > 0;
  const { error } = await retried(sync, again, { firstMs: retryDelayMs, tries: pushTries });
  return agent.outbox.waiting > 0 ? error : null;
}

/** Stops the agents. An agent that cannot be stopped ends with its lifetime. */
async function stopAll(agents: readonly Worker[], reason: string): Promise<void> {
  // Postgres cannot store half a surrogate pair, or U+0000.
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
