import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { pushAnswer } from "../contract/log.ts";
import { cancelledJobs } from "../jobs/answers.ts";
import { present } from "../jobs/forms.ts";
import type { Link } from "../link/link.ts";
import { detailsRow, runRow, runRows, startedRun, toRun, toRunDetails } from "./answers.ts";
import { limitsOf } from "./limits.ts";
import { type Replayed, replayLog } from "./replay.ts";
import { type StreamOptions, streamRun } from "./run-stream.ts";
import type {
  Agentlike,
  ForkOptions,
  RunChunk,
  RunDetails,
  RunInfo,
  RunResult,
  RunStatus,
  StartRunOptions,
} from "./types.ts";

/** Which runs to list. */
export interface ListRuns {
  agent?: string;
  status?: RunStatus | RunStatus[];
  /** The last id of the page before. */
  before?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** How long to wait for the end of a run. */
export interface ResultOptions {
  /** Without end by default. */
  timeoutMs?: number;
  pollMs?: number;
}

/** A run that was started, or is watched. */
export class Run<Output = string> {
  readonly id: string;
  readonly #runs: Runs;

  /** @internal */
  constructor(runs: Runs, id: string) {
    this.#runs = runs;
    this.id = id;
  }

  /** Its chunks as they come, until it has ended: see {@link Runs.stream}. */
  stream(options: StreamOptions = {}): AsyncGenerator<RunChunk> {
    return this.#runs.stream(this.id, options);
  }

  /** Waits for its end: see {@link Runs.result}. */
  result(options: ResultOptions = {}): Promise<Result<RunResult<Output>>> {
    return this.#runs.result<Output>(this.id, options);
  }
}

/** Runs of agents: started by anybody, done by whoever has their definition, watched from anywhere. */
export class Runs {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Starts a run. A worker that has the agent (`runAgents`) takes it, and goes on with it when another died. Needs
   * `run:write`.
   *
   * @returns `invalid_request` with the field that is wrong, `quota_exceeded`, `scope_missing`.
   * @example
   * const { data: run, error } = await mayfly.runs.start(analyst, "Why did order 17 fail?", { key: "order-17" });
   * if (error) throw error;
   * for await (const { chunk } of run.stream()) if (chunk.type === "text-delta") show(chunk.delta);
   * const { data } = await run.result();
   */
  async start<Output>(
    agent: Agentlike<Output>,
    input: unknown,
    { key, priority }: StartRunOptions = {},
  ): Promise<Result<Run<Output>>> {
    const { name, options } = agent;
    const values = {
      agent: name,
      input: JSON.stringify(input ?? null),
      limits: limitsOf(options as never),
    };
    const answer = await this.#link.rpc(
      "start_run",
      { ...values, ...present({ key, priority }) },
      startedRun,
    );
    return answer.error ? answer : ok(new Run<Output>(this, answer.data.id));
  }

  /** A run by its id, to watch it or to wait for it. Asks nobody. */
  open<Output = string>(id: string): Run<Output> {
    return new Run<Output>(this, idOf(id));
  }

  /**
   * The chunks of a run as they come, until it has ended: each once and in order, even when the connection drops. Keep the
   * `seq` of the last one to go on behind it, from anywhere. Needs `run:read`.
   *
   * @throws `run_unknown`, `scope_missing`; the reason of `signal`.
   */
  stream(id: string, options: StreamOptions = {}): AsyncGenerator<RunChunk> {
    return streamRun(this.#link, idOf(id), options);
  }

  /**
   * Waits for the end of a run.
   *
   * @returns what it answered; `run_failed` for every other end, with its status, code and message in `details`;
   *   `request_timeout` when it has not ended by then.
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

  /** A run with all that it has recorded. `parts: true` with the parts of each answer. Needs `run:read`. */
  async get<Output = unknown>(
    id: string,
    { parts = false }: { parts?: boolean } = {},
  ): Promise<Result<RunDetails<Output>>> {
    const answer = await this.#link.rpc("get_run", { id: idOf(id), with_parts: parts }, detailsRow);
    return answer.error ? answer : ok(toRunDetails<Output>(answer.data));
  }

  /** Runs, the newest first, a page at a time. Needs `run:read`. */
  async list({ agent, status, before, limit }: ListRuns = {}): Promise<Result<RunInfo[]>> {
    const values = present({
      of_agent: agent,
      of_status: status && [status].flat(),
      before: before && idOf(before),
      page_limit: limit,
    });
    const answer = await this.#link.rpc("list_runs", values, runRows);
    return answer.error ? answer : ok(answer.data.map(toRun));
  }

  /** Cancels a run, with the runs that it waits for: one that is at work is told at its next write. */
  cancel(id: string): Promise<Result<{ cancelled: number; cancelling: number }>> {
    return this.#link.rpc("cancel_jobs", { ids: [idOf(id)] }, cancelledJobs);
  }

  /** Pauses a run before its next step. Meanwhile it costs nothing. `run_finished`. Needs `run:write`. */
  pause(id: string): Promise<Result<RunInfo>> {
    return this.#paused(id, true);
  }

  /** Lets a run go on that was paused. Needs `run:write`. */
  resume(id: string): Promise<Result<RunInfo>> {
    return this.#paused(id, false);
  }

  /**
   * Starts a run that shares the steps of another up to one of them, without copying them: the other stays as it is.
   * Needs `run:write`.
   *
   * @returns `run_unknown`, `invalid_request` for a step that was not taken.
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
    const answer = await this.#link.rpc("fork_run", values, startedRun);
    return answer.error ? answer : ok(new Run<Output>(this, answer.data.id));
  }

  /**
   * Goes through a recorded run again: no model is called and no tool is run. Needs `run:read`, and the package `ai`.
   *
   * @returns its chunks, its messages and its last text; `replay_differs` where a step does not give what was recorded.
   */
  async replay(id: string): Promise<Result<Replayed>> {
    const answer = await this.#link.rpc("get_run", { id: idOf(id), with_parts: true }, detailsRow);
    return answer.error ? answer : replayLog(answer.data);
  }

  /**
   * Says how good the answer of a run was: the reward, and a critique, of what it has remembered. Needs `memory:write`.
   *
   * @returns `memory_unknown` for a run that has remembered nothing.
   */
  async feedback(
    id: string,
    { reward, critique }: { reward: number; critique?: string },
  ): Promise<Result<null>> {
    const set = { reward, ...(critique !== undefined && { critique }) };
    const push = [
      { id: crypto.randomUUID(), type: "memory.update", memory: { id: idOf(id), set } },
    ];
    const answer = await this.#link.fn("sync", pushAnswer, { push, limit: 0 });
    if (answer.error) return answer;
    const [result] = answer.data.results as {
      error?: ConstructorParameters<typeof MayflyError>[0];
    }[];
    return result?.error ? failed(new MayflyError(result.error)) : ok(null);
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
      message: `The run ${status === "failed" ? "failed" : `ended as ${status}`}${error ? `: ${error.message}` : "."}`,
      hint: "Look at it with runs.get, and fork it from a step.",
      details: { id, status, error: error ?? null, steps, usage, cost },
    }),
  );
}

const notEnded = (id: string) =>
  new MayflyError({
    code: "request_timeout",
    message: "The run has not ended in this time.",
    hint: "It goes on. Wait longer, or look at it again.",
    details: { id },
  });
