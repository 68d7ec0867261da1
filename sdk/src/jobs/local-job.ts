import { fitting } from "../artifacts/artifacts.ts";
import type { Note } from "../contract/debug.ts";
import { MayflyError } from "../contract/errors.ts";
import type { SpanFacts } from "../contract/telemetry.ts";
import { observe } from "../link/observe.ts";
import type { ClaimedRow } from "./answers.ts";
import type { JobsDoor } from "./door.ts";
import { HeldJob } from "./held-job.ts";

/**
 * Does a job and returns its result, as JSON. A result over 256 KB is stored as an artifact, and the job's
 * result refers to it. If the handler throws, the attempt fails. With `retryable: false` on the error, the
 * job fails for good.
 */
// biome-ignore lint/suspicious/noExplicitAny: each handler names the type of its own input.
export type JobHandler = (input: any, job: HeldJob<any>) => unknown;
/** Handlers by job name. */
export type JobHandlers = Record<string, JobHandler>;

/** The outcome of an attempt, to be recorded. */
export interface Ending {
  lease: string;
  result?: unknown;
  failure?: {
    said: { error: { code: string; message: string }; retryable: boolean };
    cause: MayflyError;
  };
}

/** A job that this worker is doing. */
export interface LocalJob {
  lease: string;
  abort(why: MayflyError): void;
  /** Milliseconds since the job last recorded a step, or since it started if it has recorded none. */
  idleMs(): number;
}

/** Codes of errors after which nothing is recorded, because another worker may have the job. */
const settled = ["lease_lost"];

/**
 * Starts a job.
 *
 * @param end called once with the outcome, or with undefined if there is nothing to record. The second argument
 * says whether the end is already recorded.
 */
export function startJob(
  door: JobsDoor,
  given: ClaimedRow,
  handlers: JobHandlers,
  note: Note | undefined,
  end: (ending: Ending | undefined, isRecorded?: boolean) => void,
): LocalJob {
  const { lease, id, name, attempt } = given;
  const controller = new AbortController();
  const begun = performance.now();
  let moved = begun;
  const job = new HeldJob(door, given, controller.signal, (step, ms, isKnown) => {
    moved = performance.now();
    note?.("step", `job ${name}: ${step}`, told({ known: isKnown }), { durationMs: ms });
  });
  const told = (about: object) => () => ({ id, name, attempt, ...about });
  note?.("task", `job ${name}`, told({ queue: given.queue }));
  const { queue, tenant_id: tenantId, trace = null } = given;
  const span = () => ({ kind: "job", name, id, attempt, queue, tenantId, trace }) as const;
  void observe(door.telemetry, span, async (tell) => {
    const conclude = (
      ending: Ending | undefined,
      outcome: NonNullable<SpanFacts["outcome"]>,
      error?: SpanFacts["error"],
    ) => {
      const durationMs = performance.now() - begun;
      note?.("task", `job ${name}: ended`, told({ outcome, ...error }), { durationMs });
      tell({ outcome, ...(error && { error }) });
      end(ending, job.isOver);
    };
    // If a handler throws at once, the job must not end before the worker has added it to its running jobs.
    await null;
    try {
      // There is a handler of this name, because a worker claims only jobs for which it has one.
      const returned = await handlers[name]?.(given.input, job);
      if (job.asleep) return conclude(undefined, "waits");
      // The handler has already recorded the end of the job.
      if (job.isOver) return conclude(undefined, "succeeded");
      const result = await fitting(
        () => door.link?.(tenantId),
        `jobs/${id}/result`,
        returned ?? null,
      );
      conclude({ lease, result }, "succeeded");
    } catch (thrown) {
      const error = asMayflyError(thrown);
      if (job.asleep) conclude(undefined, "waits");
      else if (settled.includes(error.code) || isLost(controller.signal))
        conclude(undefined, "lost");
      else {
        const said = { code: codeOf(thrown), message: error.message.slice(0, 2_000) };
        const retryable = (Object(thrown) as { retryable?: unknown }).retryable !== false;
        const failure = { said: { error: said, retryable }, cause: error };
        conclude({ lease, failure }, "failed", said);
      }
    }
  });
  return {
    lease,
    abort: (why) => controller.abort(why),
    idleMs: () => performance.now() - moved,
  };
}

const isLost = ({ aborted, reason }: AbortSignal) =>
  aborted && reason instanceof MayflyError && settled.includes(reason.code);

const codeOf = (thrown: unknown) => {
  const { code, name } = Object(thrown) as { code?: unknown; name?: unknown };
  if (typeof code === "string") return code;
  return typeof name === "string" && name !== "Error" ? name : "failed";
};

const asMayflyError = (thrown: unknown) =>
  thrown instanceof MayflyError
    ? thrown
    : new MayflyError(
        {
          code: "handler_failed",
          message: thrown instanceof Error ? thrown.message : String(thrown),
          hint: "The job is retried while it has attempts left. To end it at once, throw an error with retryable: false.",
          details: null,
        },
        { cause: thrown },
      );
