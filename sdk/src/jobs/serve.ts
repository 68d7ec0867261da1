import { z } from "zod";
import { connect } from "../link/connect.ts";
import { Link } from "../link/link.ts";
import { doorOf } from "./door.ts";
import type { JobHandlers } from "./local-job.ts";
import type { WorkOptions } from "./work-options.ts";
import { Worker } from "./worker.ts";

/** A call that was sent has arrived by then. */
const arrivalMs = 2_000;

/** How a function of jobs works. */
export interface ServeJobsOptions extends Omit<WorkOptions, "drainOnTermination"> {
  /** The project's; from the function's own environment by default. */
  url?: string;
  /** The secret key: the function works as it, and answers whoever has it. */
  key?: string;
  /** Works for one tenant instead of for all. */
  tenant?: string;
  /** How long the platform lets a call run, in ms; two thirds of it are used. 150,000 by default. */
  wallClockMs?: number;
}

/** What a call of the function did. */
export interface Served {
  /** How many jobs it has ended. */
  done: number;
  /** Whether it ended since its time was over: there may be more. */
  more: boolean;
}

/**
 * Makes an edge function of handlers: each call works until nothing is left, or for two thirds of its wall
 * clock, and answers `{ data: { done, more }, error: null }`. While more is left it calls itself once
 * before it ends. pg_cron and pg_net call it where they are; anything with the secret key may.
 *
 * @example
 * Deno.serve(serveJobs({ summarise: async (input) => summary(input.url) }));
 */
export function serveJobs(
  handlers: JobHandlers,
  given: ServeJobsOptions = {},
): (request: Request) => Promise<Response> {
  const { url, key, tenant, wallClockMs = 150_000, ...options } = { ...given, ...inherited(given) };
  return async (request) => {
    if (!key || !url)
      return answer(500, refused("not_configured", "The function has no URL or secret key."));
    if (!(await isKey(request, key)))
      return answer(
        401,
        refused("not_authorized", "Call this function with the project's secret key."),
      );
    const client = connect({ url, key, ...(tenant && { tenant }) }, fetch);
    const link = new Link({ client });
    const begun = Worker.start(doorOf(link), handlers, {
      ...options,
      anyTenant: !tenant,
      untilEmpty: true,
      drainOnTermination: false,
    });
    if (begun.error) return answer(500, refused(begun.error.code, begun.error.message));
    const worker = begun.data;
    const over = Promise.withResolvers<"over">();
    const timer = setTimeout(() => over.resolve("over"), (wallClockMs * 2) / 3);
    const ended = await Promise.race([worker.ended, over.promise]);
    clearTimeout(timer);
    if (ended === "over") await worker.stop({ timeoutMs: wallClockMs / 6 });
    if (ended instanceof Error) return answer(503, refused(ended.code, ended.message));
    const more = ended === "over";
    if (more) await handOver(link, request);
    return answer(200, { data: { done: worker.done, more } satisfies Served, error: null });
  };
}

/** Of the environment that Supabase gives every function. */
function inherited({ url, key }: ServeJobsOptions): { url?: string; key?: string } {
  const { Deno, process } = globalThis as {
    Deno?: { env: { get(name: string): string | undefined } };
    process?: { env: Record<string, string | undefined> };
  };
  const read = (name: string) => Deno?.env.get(name) ?? process?.env[name];
  const keys = read("SUPABASE_SECRET_KEYS");
  const parsed = keys ? (JSON.parse(keys) as Record<string, string>) : {};
  const secret = key ?? parsed.default ?? read("SUPABASE_SERVICE_ROLE_KEY");
  const where = url ?? read("SUPABASE_URL");
  return { ...(where && { url: where }), ...(secret && { key: secret }) };
}

/** Compared by their hashes: in the same time, however much of it is right. */
async function isKey(request: Request, key: string): Promise<boolean> {
  const bearer = request.headers.get("authorization")?.replace(/^Bearer /i, "");
  const said = request.headers.get("apikey") ?? bearer ?? "";
  const digest = async (text: string) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const [one, other] = await Promise.all([digest(said), digest(key)]);
  return one.every((byte, at) => byte === other[at]);
}

/** The next call begins where this one ends; it is not waited for longer than until it has arrived. */
async function handOver(link: Link, request: Request): Promise<void> {
  const name = new URL(request.url).pathname.split("/").filter(Boolean).at(-1);
  if (!name) return;
  const arrived = new Promise((resolve) => setTimeout(resolve, arrivalMs));
  // Whoever calls by the minute comes again.
  await Promise.race([link.fn(name, z.unknown(), {}), arrived]);
}

const refused = (code: string, message: string) => ({
  data: null,
  error: { code, message, hint: null, details: null },
});
const answer = (status: number, body: object) => Response.json(body, { status });
