import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { cancelledJobs } from "../jobs/answers.ts";
import { toWhere, type Where } from "../jobs/attributes.ts";
import { fit } from "../jobs/kinds.ts";
import type { Link } from "../link/link.ts";
import { observe, traceOf } from "../link/observe.ts";
import { present } from "../link/rows.ts";
import { changeMemory } from "../memory/store.ts";
import { detailsRow, runRow, runRows, startedRun, toRun, toRunDetails } from "./answers.ts";
import { limitsFor } from "./limits.ts";
import { type Replayed, replayLog } from "./replay.ts";
import { type StreamOptions, streamRun } from "./run-stream.ts";
import type { ForkOptions, StartRunOptions } from "./start-options.ts";
import { type RunStatistics, statisticsRow, toStatistics } from "./statistics.ts";
import type { Agentlike, RunChunk, RunDetails, RunInfo, RunResult, RunStatus } from "./types.ts";

/** Which runs to list. */
export interface ListRuns {
  agent?: string;
  status?: RunStatus | RunStatus[];
  /** Only runs with these attributes: `{ customer: "acme" }` or `customer:acme`. An index finds them. */
  where?: Where;
  /** Only those that were added at this time or later. */
  since?: Date;
  /** Only those that were added before this time. */
  until?: Date;
  /** Only runs with this text in their id, agent or input. Case does not matter. 200 characters at most. */
  containing?: string;
  /** The last id of the previous page. */
  before?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** How long to wait for the end of a run. */
export interface ResultOptions {
  /** Without limit by default. */
  timeoutMs?: number;
  pollMs?: number;
}

/** A handle for a run, to watch it or to wait for its end. */
export class Run<Output = string> {
  readonly id: string;
  readonly #runs: Runs;

  /** @internal */
  constructor(runs: Runs, id: string) {
    this.#runs = runs;
    this.id = id;
  }

  /** Its chunks as they arrive, until it has ended: see {@link Runs.stream}. */
  stream(options: StreamOptions = {}): AsyncGenerator<RunChunk> {
    return this.#runs.stream(this.id, options);
  }

  /** Waits for its end: see {@link Runs.result}. */
  result(options: ResultOptions = {}): Promise<Result<RunResult<Output>>> {
    return this.#runs.result<Output>(this.id, options);
  }
}

/**
 * Runs of agents. Anybody can start a run, workers with the agent's definition execute it, and it can be watched
 * from anywhere.
 */
export class Runs {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Starts a run. A worker that has the agent's definition (`runAgents`) executes it. If that worker dies,
   * another one continues. Needs `run:write`. If you do not have the definition, pass the name of the agent and
   * the limits.
   *
   * @returns `invalid_request` with the field, `quota_exceeded`, `scope_missing`.
   *
   * @example
   * const { data: run, error } = await mayfly.runs.start(analyst, "Why did order 17 fail?", { key: "order-17" });
   * if (error) throw error;
   * for await (const { chunk } of run.stream()) if (chunk.type === "text-delta") show(chunk.delta);
   * const { data } = await run.result();
   */
  async start<Output = string>(
    agent: Agentlike<Output> | string,
    input: unknown,
    { key, priority, attributes, ...limits }: StartRunOptions = {},
  ): Promise<Result<Run<Output>>> {
    const name = typeof agent === "string" ? agent : agent.name;
    const schema = typeof agent === "string" ? undefined : agent.options.input;
    const checked = await fit(schema, input ?? null, "input");
    if (checked.error) return failed(checked.error);
    const values = {
      agent: name,
      input: JSON.stringify(input ?? null),
      limits: limitsFor(agent, limits),
    };
    const more = present({ key, priority, attributes });
    return this.#added<Output>("start_run", name, { ...values, ...more });
  }

  /** A run by its id, to watch it or to wait for it. Makes no call. */
  open<Output = string>(id: string): Run<Output> {
    return new Run<Output>(this, idOf(id));
  }

  /**
   * The chunks of a run as they arrive, until it has ended, each once and in order, even if the connection
   * drops. Keep the `seq` of the last chunk to continue after it, from anywhere. Needs `run:read`.
   *
   * @throws `run_unknown`, `scope_missing`; the reason of `signal`.
   */
  stream(id: string, options: StreamOptions = {}): AsyncGenerator<RunChunk> {
    return streamRun(this.#link, idOf(id), options);
  }

  /**
   * Waits for the end of a run.
   *
   * @returns the answer of the run. Errors: `run_failed` if the run ended without success, with status,
   * code and message in `details`; `request_timeout` if the run has not ended in time.
   */
  async result<Output = string>(
    id: string,
    { timeoutMs = Number.POSITIVE_INFINITY, pollMs = 500 }: ResultOptions = {},
  ): Promise<Result<RunResult<Output>>> {
    const over = performance.now() + timeoutMs;
    for (let pause = Math.min(20, pollMs); ; pause = Math.min(pollMs, pause * 2)) {
      const answer = await this.get<Output>(id);
      if (answer.error && answer.error.code !== "unavailable") return answer;
      if (answer.data?.endedAt) return endOf(answer.data);
      if (performance.now() + pause > over) return failed(notEnded(id));
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /**
   * Reads a run with everything that it recorded. With `parts: true`, also the parts of each answer. Needs
   * `run:read`.
   */
  async get<Output = unknown>(
    id: string,
    { parts = false }: { parts?: boolean } = {},
  ): Promise<Result<RunDetails<Output>>> {
    const answer = await this.#link.rpc("get_run", { id: idOf(id), with_parts: parts }, detailsRow);
    return answer.error ? answer : ok(toRunDetails<Output>(answer.data, parts));
  }

  /** Lists runs, newest first, one page at a time. Needs `run:read`. */
  async list(of: ListRuns = {}): Promise<Result<RunInfo[]>> {
    const { agent, status, since, until, containing, before, limit } = of;
    const where = toWhere(of.where);
    if (where.error) return where;
    const values = present({
      ...where.data,
      since: since?.toISOString(),
      until: until?.toISOString(),
      containing,
      of_agent: agent,
      of_status: status && [status].flat(),
      before: before && idOf(before),
      page_limit: limit,
    });
    const answer = await this.#link.rpc("list_runs", values, runRows);
    return answer.error ? answer : ok(answer.data.map(toRun));
  }

  /**
   * Counts the runs, model calls and tool calls of the last `seconds` (an hour by default), and says how long
   * they took. Needs `run:read`.
   */
  async statistics(options: { seconds?: number } = {}): Promise<Result<RunStatistics>> {
    const answer = await this.#link.rpc("run_statistics", options, statisticsRow);
    return answer.error ? answer : ok(toStatistics(answer.data));
  }

  /** Cancels a run, together with the runs for which it waits. A running run learns of it at its next write. */
  cancel(id: string): Promise<Result<{ cancelled: number; cancelling: number }>> {
    return this.#link.rpc("cancel_jobs", { ids: [idOf(id)] }, cancelledJobs);
  }

  /** Pauses a run before its next step. A paused run costs nothing. Needs `run:write`. @returns `run_finished`. */
  pause(id: string): Promise<Result<RunInfo>> {
    return this.#paused(id, true);
  }

  /** Resumes a paused run. Needs `run:write`. */
  resume(id: string): Promise<Result<RunInfo>> {
    return this.#paused(id, false);
  }

  /**
   * Starts a run that shares the steps of another one up to a step, without copying them. The original stays
   * as it is. Needs `run:write`.
   *
   * @returns `run_unknown`, `invalid_request` for a step that does not exist.
   *
   * @example
   * const { data: fork } = await mayfly.runs.fork(run.id, { atStep: 4, input: "Look at the logs first." });
   */
  async fork<Output = string>(
    id: string,
    { atStep, input, edits }: ForkOptions,
  ): Promise<Result<Run<Output>>> {
    const values = {
      id: idOf(id),
      at_step: atStep,
      ...(input !== undefined && { input: JSON.stringify(input) }),
      ...(edits && {
        edits: Object.fromEntries(
          Object.entries(edits).map(([call, result]) => [call, JSON.stringify(result ?? null)]),
        ),
      }),
    };
    return this.#added<Output>("fork_run", "fork", values);
  }

  /**
   * Replays a recorded run without calling a model or running a tool. Needs `run:read`, and the package `ai`.
   *
   * @returns the chunks, the messages and the last text of the run. Errors: `replay_differs` if a step does
   * not give the recorded result.
   */
  async replay(id: string): Promise<Result<Replayed>> {
    const answer = await this.#link.rpc("get_run", { id: idOf(id), with_parts: true }, detailsRow);
    return answer.error ? answer : replayLog(answer.data);
  }

  /**
   * Rates the answer of a run: sets the reward and the critique of the memory that the run stored. Needs
   * `memory:write`.
   *
   * @returns `memory_unknown` if the run stored no memory.
   */
  async feedback(
    id: string,
    { reward, critique }: { reward: number; critique?: string },
  ): Promise<Result<null>> {
    const set = { reward, ...(critique !== undefined && { critique }) };
    const { error } = await changeMemory(this.#link, id, { set });
    return error ? failed(error) : ok(null);
  }

  #added<Output>(
    how: "start_run" | "fork_run",
    name: string,
    values: object,
  ): Promise<Result<Run<Output>>> {
    const { telemetry, tenantId } = this.#link;
    const about = () => ({ kind: "add", what: "run", name, tenantId }) as const;
    return observe(telemetry, about, async (tell) => {
      const asked = { ...traceOf(telemetry), ...values };
      const answer = await this.#link.rpc(how, asked, startedRun);
      tell(answer.error ? { error: answer.error } : { id: answer.data.id });
      return answer.error ? answer : ok(new Run<Output>(this, answer.data.id));
    });
  }

  async #paused(id: string, paused: boolean): Promise<Result<RunInfo>> {
    const answer = await this.#link.rpc("pause_run", { id: idOf(id), paused }, runRow);
    return answer.error ? answer : ok(toRun(answer.data));
  }
}

function endOf<Output>(run: RunDetails<Output>): Result<RunResult<Output>> {
  const { id, status, error, steps, usd, unpriced, inputTokens, outputTokens } = run;
  const usage = { inputTokens, outputTokens };
  const cost = { usd, unpriced };
  if (status === "succeeded") return ok({ id, output: run.output as Output, steps, usage, cost });
  return failed(
    new MayflyError({
      code: "run_failed",
      message: `The run ${status === "failed" ? "failed" : `ended as ${status}`}${error ? `: ${error.message.replace(/[^.!?]$/, "$&.")}` : "."}`,
      hint: "Look at it with runs.get, and fork it from a step.",
      details: { id, status, error: error ?? null, steps, usage, cost },
    }),
  );
}

const notEnded = (id: string) =>
  new MayflyError({
    code: "request_timeout",
    message: "The run did not end in time.",
    hint: "It is still running. Wait longer, or look at it again.",
    details: { id },
  });
