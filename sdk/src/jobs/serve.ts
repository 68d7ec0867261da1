import { z } from "zod";
import type { MayflyError } from "../contract/errors.ts";
import type { Telemetry } from "../contract/telemetry.ts";
import { connect } from "../link/connect.ts";
import { prefixed } from "../link/function-names.ts";
import { Link } from "../link/link.ts";
import { markedCall } from "./answers.ts";
import { doorOf, type JobsDoor } from "./door.ts";
import type { JobHandlers } from "./local-job.ts";
import { PublishedKinds } from "./published-kinds.ts";
import { accessOf, isAccepted } from "./serve-access.ts";
import type { WorkOptions } from "./work-options.ts";
import { Worker } from "./worker.ts";

/**
 * How many milliseconds to wait for the next call's answer. After that time, the call is assumed to have
 * arrived.
 */
const arrivalMs = 2_000;

/** Options of a function that works on jobs. */
export interface ServeJobsOptions
  extends Omit<WorkOptions, "drainOnTermination" | "pollMs" | "wakes"> {
  /** The project's URL. From the function's environment by default. */
  url?: string;
  /** The secret key. The function works with it, and accepts callers that have it. */
  key?: string;
  /**
   * The function's own secret, in the header `x-mayfly-jobs-secret`. With it, callers need no key of the
   * project. `MAYFLY_JOBS_SECRET` of its environment by default.
   */
  secret?: string;
  /** The prefix of Mayfly's edge functions, if `mayfly init --prefix` installed them with one. */
  functionsPrefix?: string;
  /** Observes the jobs, for example `openTelemetry()` of `@mayfly/opentelemetry`. */
  telemetry?: Telemetry;
  /** Works only for this tenant instead of for all. */
  tenant?: string;
  /**
   * How long the platform lets a call run, in ms: 150,000 by default, as on the Free plan. A paid project has
   * 400,000. Two thirds of it are used for work.
   */
  wallClockMs?: number;
  /**
   * How many jobs one call starts at most, because the platform limits the CPU time of a call. 1,000 by
   * default.
   */
  maxJobs?: number;
}

/** What a call of the function did. */
export interface Served {
  /** How many jobs have ended. */
  done: number;
  /** How many jobs were given back, started or not, because time ran out. */
  returned: number;
  /** Whether the call ended before everything was done, so there may be more to do. */
  more: boolean;
}

/**
 * Makes an edge function from handlers. Each call works until nothing is left, or for two thirds of its wall
 * clock time. It then gives back unfinished jobs and answers
 * `{ data: { done, returned, more }, error: null }`.
 *
 * pg_cron and pg_net call it if you have them (`mayfly_private.schedule_job_function`). Any other caller that
 * has the secret key or the function's own secret may call it too. While there is more to do, a call that did
 * not come from pg_cron makes another call before it ends.
 *
 * When the call ends, a job that has recorded no step for a third of the wall clock time fails its attempt
 * (`call_over`). Any other unfinished job continues in the next call.
 *
 * @example
 * Deno.serve(serveJobs({ summarise: async (input) => summary(input.url) }));
 */
export function serveJobs(
  handlers: JobHandlers,
  given: ServeJobsOptions = {},
): (request: Request) => Promise<Response> {
  const {
    tenant,
    wallClockMs = 150_000,
    maxJobs = 1_000,
    functionsPrefix,
    telemetry,
    ...more
  } = given;
  const reach = prefixed(fetch, functionsPrefix);
  const { url: _url, key: _key, secret: _secret, ...options } = more;
  const { url, key, accepted } = accessOf(given);
  return async (request) => {
    if (!key || !url) return answer(503, notConfigured);
    if (!(await isAccepted(request, accepted))) return answer(401, notAuthorized);
    const link = new Link({
      client: connect({ url, key, ...(tenant && { tenant }) }, reach),
      telemetry,
    });
    const call = await callOf(request);
    const mark = (seconds: number) =>
      link.rpc("mark_job_call", { call, seconds, names: Object.keys(handlers) }, markedCall);
    if (call) {
      const marked = await mark(wallClockMs / 1_000);
      if (marked.error) return refusal(503, marked.error);
      // The call came so late that another one may have replaced it.
      if (!marked.data.known) return answer(200, served({ done: 0, returned: 0, more: true }));
    }
    let isOver = false;
    // Jobs that have not started are given back before the next call begins.
    const end = () => {
      isOver = true;
      void worker.stop({ timeoutMs: wallClockMs / 6 });
    };
    const within = (tenantId: string) =>
      new Link({ client: connect({ url, key, tenant: tenantId }, reach), tenantId, telemetry });
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
    const isPublic = tenant !== undefined && options.publish !== false;
    const kinds = new PublishedKinds(doorOf(link), tenant);
    const told = isPublic ? kinds.publishOnce(handlers) : null;
    const timer = setTimeout(end, (wallClockMs * 2) / 3);
    const failure = await worker.ended;
    clearTimeout(timer);
    await told;
    if (call) await mark(0);
    if (failure) return refusal(503, failure);
    if (isOver && !call) await handOver(link, request);
    const { done, returned } = worker;
    return answer(200, served({ done, returned, more: isOver }));
  };
}

/** A call ends when nothing is left, so nothing has to wake it. */
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

/** Returns the id in the body of a call by pg_cron. Other calls have none. */
async function callOf(request: Request): Promise<string | undefined> {
  const body: unknown = await request.json().catch(() => undefined);
  return z.object({ call: z.guid() }).safeParse(body).data?.call;
}

/** Makes the next call, which continues where this one ends. Waits only until that call has arrived. */
async function handOver(link: Link, request: Request): Promise<void> {
  const name = new URL(request.url).pathname.split("/").filter(Boolean).at(-1);
  if (!name) return;
  const arrived = new Promise((resolve) => setTimeout(resolve, arrivalMs));
  // If that call is lost, whoever calls next continues, because the jobs are rows in the database.
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
