import { z } from "zod";
import type { MayflyError } from "../contract/errors.ts";
import { connect } from "../link/connect.ts";
import { prefixed } from "../link/function-names.ts";
import { Link } from "../link/link.ts";
import { markedCall } from "./answers.ts";
import { doorOf, type JobsDoor } from "./door.ts";
import type { JobHandlers } from "./local-job.ts";
import { accessOf, isAccepted } from "./serve-access.ts";
import type { WorkOptions } from "./work-options.ts";
import { Worker } from "./worker.ts";

/** A call that was sent has arrived by then. */
const arrivalMs = 2_000;

/** How a function of jobs works. */
export interface ServeJobsOptions
  extends Omit<WorkOptions, "drainOnTermination" | "pollMs" | "wakes"> {
  /** The project's; from the function's own environment by default. */
  url?: string;
  /** The secret key: the function works as it, and answers whoever has it. */
  key?: string;
  /**
   * A secret of the function's own, in the header `x-mayfly-jobs-secret`: whoever wakes the function needs no key of
   * the project. `MAYFLY_JOBS_SECRET` of its environment by default.
   */
  secret?: string;
  /** Of the names of Mayfly's edge functions, if `mayfly init --prefix` installed them with one. */
  functionsPrefix?: string;
  /** Works for one tenant instead of for all. */
  tenant?: string;
  /**
   * How long the platform lets a call run, in ms: 150,000 by default, as on the Free plan; a paid project has 400,000.
   * Two thirds of it are used to work.
   */
  wallClockMs?: number;
  /** How many jobs one call begins at most, since the platform counts its CPU time: 1,000 by default. */
  maxJobs?: number;
}

/** What a call of the function did. */
export interface Served {
  /** How many jobs it has ended. */
  done: number;
  /** How many it has given back, begun or not, since its time was over. */
  returned: number;
  /** Whether it ended before everything was done: there may be more. */
  more: boolean;
}

/**
 * Makes an edge function of handlers. Each call works until nothing is left, or for two thirds of its wall clock, gives
 * back what it has not ended, and answers `{ data: { done, returned, more }, error: null }`. pg_cron and pg_net call it
 * where they are (`mayfly_private.schedule_job_function`); anything with the secret key, or the function's own secret,
 * may. While more is left a call that did not come from pg_cron makes another before it ends.
 *
 * A job that has recorded no step for a third of the wall clock when the call is over has failed its attempt
 * (`call_over`); one that records steps goes on in the next call.
 *
 * @example
 * Deno.serve(serveJobs({ summarise: async (input) => summary(input.url) }));
 */
export function serveJobs(
  handlers: JobHandlers,
  given: ServeJobsOptions = {},
): (request: Request) => Promise<Response> {
  const { tenant, wallClockMs = 150_000, maxJobs = 1_000, functionsPrefix, ...more } = given;
  const reach = prefixed(fetch, functionsPrefix);
  const { url: _url, key: _key, secret: _secret, ...options } = more;
  const { url, key, accepted } = accessOf(given);
  return async (request) => {
    if (!key || !url) return answer(503, notConfigured);
    if (!(await isAccepted(request, accepted))) return answer(401, notAuthorized);
    const link = new Link({ client: connect({ url, key, ...(tenant && { tenant }) }, reach) });
    const call = await callOf(request);
    const mark = (seconds: number) =>
      link.rpc("mark_job_call", { call, seconds, names: Object.keys(handlers) }, markedCall);
    if (call) {
      const marked = await mark(wallClockMs / 1_000);
      if (marked.error) return refusal(503, marked.error);
      // It came so late that there may be another in its place.
      if (!marked.data.known) return answer(200, served({ done: 0, returned: 0, more: true }));
    }
    let isOver = false;
    // What has not begun is given back before another begins.
    const end = () => {
      isOver = true;
      void worker.stop({ timeoutMs: wallClockMs / 6 });
    };
    const within = (tenantId: string) =>
      new Link({ client: connect({ url, key, tenant: tenantId }, reach), tenantId });
    const started = Worker.start(
      unwoken(doorOf(link, within)),
      countBegun(handlers, maxJobs, end),
      {
        ...options,
        anyTenant: !tenant,
        untilEmpty: true,
        stalledMs: wallClockMs / 3,
        drainOnTermination: false,
      },
    );
    if (started.error) return refusal(500, started.error);
    const worker = started.data;
    const timer = setTimeout(end, (wallClockMs * 2) / 3);
    const failure = await worker.ended;
    clearTimeout(timer);
    if (call) await mark(0);
    if (failure) return refusal(503, failure);
    if (isOver && !call) await handOver(link, request);
    const { done, returned } = worker;
    return answer(200, served({ done, returned, more: isOver }));
  };
}

/** A call ends when nothing is left: nobody has to wake it. */
const unwoken = (door: JobsDoor): JobsDoor => ({ ...door, onWake: () => async () => {} });

function countBegun(handlers: JobHandlers, max: number, onMax: () => void): JobHandlers {
  let begun = 0;
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handle]) => [
      name,
      (input, job) => {
        if (++begun === max) onMax();
        return handle(input, job);
      },
    ]),
  );
}

/** The id that pg_cron's calls have. */
async function callOf(request: Request): Promise<string | undefined> {
  const body: unknown = await request.json().catch(() => undefined);
  return z.object({ call: z.guid() }).safeParse(body).data?.call;
}

/** The next call begins where this one ends; it is not waited for longer than until it has arrived. */
async function handOver(link: Link, request: Request): Promise<void> {
  const name = new URL(request.url).pathname.split("/").filter(Boolean).at(-1);
  if (!name) return;
  const arrived = new Promise((resolve) => setTimeout(resolve, arrivalMs));
  // If it is lost, whoever calls next goes on: the jobs are rows.
  await Promise.race([link.fn(name, z.unknown(), {}), arrived]);
}

const refused = (code: string, message: string, hint: string) => ({
  data: null,
  error: { code, message, hint, details: null },
});
const notConfigured = refused(
  "not_configured",
  "The function has no URL or no secret key.",
  "Give serveJobs url and key, or set SUPABASE_URL and SUPABASE_SECRET_KEYS.",
);
const notAuthorized = refused(
  "not_authorized",
  "This function needs the project's secret key, or its own secret.",
  "Send the key as apikey, or MAYFLY_JOBS_SECRET as x-mayfly-jobs-secret.",
);
const served = (data: Served) => ({ data, error: null });
const answer = (status: number, body: object) => Response.json(body, { status });
const refusal = (status: number, { code, message, hint, details }: MayflyError) =>
  answer(status, { data: null, error: { code, message, hint, details } });
