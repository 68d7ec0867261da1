import { fitting } from "../artifacts/artifacts.ts";
import type { Note } from "../contract/debug.ts";
import { MayflyError } from "../contract/errors.ts";
import type { ClaimedRow } from "./answers.ts";
import type { JobsDoor } from "./door.ts";
import { HeldJob } from "./held-job.ts";

/**
 * Does a job. What it returns is the result, as JSON. A result over 256 KB is stored as an artifact, which the
 * result names. If it throws, the attempt fails; with `retryable: false` on the error, the job fails.
 */
// biome-ignore lint/suspicious/noExplicitAny: each handler names the type of its own input.
export type JobHandler = (input: any, job: HeldJob<any>) => unknown;
/** Handlers by job name. */
export type JobHandlers = Record<string, JobHandler>;

/** How an attempt ended, to be recorded. */
export interface Ending {
  lease: string;
  result?: unknown;
  failure?: {
    said: { error: { code: string; message: string }; retryable: boolean };
    cause: MayflyError;
  };
}

/** A job that is being done here. */
export interface LocalJob {
  lease: string;
  abort(why: MayflyError): void;
  /** Since it started, or last recorded a step. */
  idleMs(): number;
}

/** What ended without anything to record: whoever took the lease, or waits, knows. */
const settled = ["lease_lost"];

/**
 * Starts a job.
 *
 * @param end called once with how it ended; undefined if there is nothing to record.
 */
export function startJob(
  door: JobsDoor,
  given: ClaimedRow,
  handlers: JobHandlers,
  note: Note | undefined,
  end: (ending: Ending | undefined) => void,
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
  const conclude = (ending: Ending | undefined, about: object) => {
    const durationMs = performance.now() - begun;
    note?.("task", `job ${name}: ended`, told(about), { durationMs });
    end(ending);
  };
  void (async () => {
    // A handler that throws at once would end before whoever begins it knows that it runs.
    await null;
    try {
      // A handler of this name exists: it is what was claimed for.
      const returned = await handlers[name]?.(given.input, job);
      if (job.asleep) return conclude(undefined, { waits: true });
      const result = await fitting(door.link?.(given.tenant_id), id, returned ?? null);
      conclude({ lease, result }, { outcome: "succeeded" });
    } catch (thrown) {
      const error = asMayflyError(thrown);
      if (job.asleep) conclude(undefined, { waits: true });
      else if (settled.includes(error.code) || isLost(controller.signal))
        conclude(undefined, { outcome: "lost" });
      else {
        const said = { code: codeOf(thrown), message: error.message.slice(0, 2_000) };
        const retryable = (Object(thrown) as { retryable?: unknown }).retryable !== false;
        conclude({ lease, failure: { said: { error: said, retryable }, cause: error } }, said);
      }
    }
  })();
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
          hint: "The job is tried again while it has attempts left; an error with retryable: false ends it.",
          details: null,
        },
        { cause: thrown },
      );
