/** The embedded edge functions: one Deno process behind `/functions/v1`, kept alive and reloaded. */
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Logger } from "../log.ts";
import { type FunctionsConfig, readFunctionsConfig } from "./config.ts";
import { findDeno } from "./deno_binary.ts";
import { failure } from "./errors.ts";
import { denoArguments, denoEnvironment } from "./launch.ts";
import { REQUEST_ID_HEADER } from "./protocol.ts";
import { forward } from "./proxy.ts";
import { Supervisor } from "./supervisor.ts";
import { watchFiles } from "./watch.ts";

export interface FunctionsHost {
  /** Answers a request to `/functions/v1/<name>/…`. Never rejects. */
  fetch(request: Request): Promise<Response>;
  /** The functions of supabase/config.toml that have an entrypoint. */
  readonly names: string[];
  health(): { state: "ok" | "starting" | "down"; version: string; detail?: string };
  /** Resolves when the first process serves; rejects with one sentence when it could not start. */
  ready(): Promise<void>;
  /** Lets requests and background tasks finish, for `drainMs` at most, and ends Deno. */
  close(drainMs?: number): Promise<void>;
}

export interface FunctionsOptions {
  /** The project's root, which holds supabase/config.toml and functions/. */
  root: string;
  /** The functions' environment, read at every start of Deno. */
  env: () => Record<string, string>;
  /** Reload when the functions, `sdk/src` or supabase/config.toml change. */
  watch: boolean;
  log: Logger;
  /** Until a function must begin to answer. */
  requestTimeoutMs?: number;
  /** How long a busy loop may hold the process before it is restarted. */
  cpuLimitMs?: number;
  /** Until the functions must have loaded. */
  startTimeoutMs?: number;
  /** The JavaScript heap of the process with all functions. */
  memoryLimitMb?: number;
  /** Needed when a function has verify_jwt = true: is the caller's token good? */
  verify?: (request: Request) => Promise<boolean>;
  /** Deno's executable; by default that of the npm package. */
  deno?: string;
}

const CLOSE_MS = 2_000;

/**
 * Starts the edge functions of a project.
 *
 * @throws one sentence when Deno is missing, or supabase/config.toml cannot be used.
 */
export async function startFunctions(o: FunctionsOptions): Promise<FunctionsHost> {
  const deno = o.deno ?? findDeno();
  const requestTimeoutMs = o.requestTimeoutMs ?? 150_000;
  let config = readConfig(o);
  reportProblems(config, [], o.log);

  const supervisor = new Supervisor({
    plan: () => ({
      deno,
      args: denoArguments({
        root: o.root,
        importMap: config.importMap,
        memoryLimitMb: o.memoryLimitMb ?? 512,
      }),
      env: denoEnvironment(o.root, o.env()),
      functions: config.functions.map(({ name, url }) => ({ name, url })),
    }),
    log: o.log,
    cpuLimitMs: o.cpuLimitMs ?? 10_000,
    startTimeoutMs: o.startTimeoutMs ?? 30_000,
    drainMs: requestTimeoutMs,
  });
  const first = supervisor.start();

  const reload = () => {
    try {
      const next = readConfig(o);
      reportProblems(next, config.problems, o.log);
      config = next;
      void supervisor.start();
    } catch (error) {
      o.log.error(`[functions] ${(error as Error).message} The previous version goes on.`);
    }
  };
  const watcher = o.watch
    ? watchFiles(
        [...config.folders, join(o.root, "sdk", "src")],
        [join(o.root, "supabase", "config.toml")],
        reload,
      )
    : undefined;

  async function answer(request: Request, requestId: string): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const [, name, rest] = /^\/functions\/v1\/([^/]+)(\/.*)?$/.exec(pathname) ?? [];
    const served = config.functions.find((entry) => entry.name === name);
    if (name === undefined || served === undefined) {
      const message = name ? `There is no function ${name}.` : "The path names no function.";
      return failure("function_not_found", message, requestId);
    }
    if (served.verifyJwt && request.method !== "OPTIONS" && !(await o.verify?.(request))) {
      return failure("unauthorized", "The token is missing or not valid.", requestId);
    }
    try {
      const process = await supervisor.acquire();
      if (name in process.failed) {
        return failure("function_boot_error", `The function ${name} does not load.`, requestId);
      }
      const path = `/${name}${rest ?? ""}${search}`;
      return await forward(process, {
        request,
        name,
        path,
        requestId,
        timeoutMs: requestTimeoutMs,
      });
    } catch (error) {
      return failure("functions_unavailable", (error as Error).message, requestId);
    }
  }

  return {
    async fetch(request) {
      const requestId = requestIdOf(request);
      const startedAt = performance.now();
      const response = await answer(request, requestId);
      const { pathname } = new URL(request.url);
      const ms = Math.round(performance.now() - startedAt);
      const fields = { request_id: requestId, status: response.status, ms };
      o.log.debug(`[functions] ${request.method} ${pathname}`, fields);
      return response;
    },
    get names() {
      return config.functions.map(({ name }) => name);
    },
    health() {
      const process = supervisor.current;
      if (!process) {
        const state = supervisor.failure ? "down" : "starting";
        const detail = supervisor.failure?.message;
        return { state, version: installedVersion(), ...(detail && { detail }) };
      }
      const broken = Object.keys(process.failed);
      return {
        state: "ok",
        version: process.denoVersion,
        ...(broken.length > 0 && { detail: `does not load: ${broken.join(", ")}` }),
      };
    },
    async ready() {
      const outcome = await first;
      if (outcome instanceof Error) throw outcome;
    },
    async close(drainMs = CLOSE_MS) {
      watcher?.close();
      await supervisor.close(drainMs);
    },
  };
}

function readConfig(o: FunctionsOptions): FunctionsConfig {
  const config = readFunctionsConfig(o.root);
  const verified = config.functions.filter((entry) => entry.verifyJwt);
  if (verified.length > 0 && !o.verify) {
    const names = verified.map((entry) => entry.name).join(", ");
    throw new Error(
      `supabase/config.toml leaves verify_jwt on for ${names}, which nobody checks here: set verify_jwt = false and verify in the function.`,
    );
  }
  return config;
}

function reportProblems(config: FunctionsConfig, known: string[], log: Logger): void {
  for (const problem of config.problems) {
    if (!known.includes(problem)) log.warn(`[functions] ${problem}`);
  }
}

/** The caller's own id when it can stand in a log line, else a new one. */
function requestIdOf(request: Request): string {
  const given = request.headers.get(REQUEST_ID_HEADER) ?? "";
  return /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

/** What npm installed, until Deno has told its version itself. */
function installedVersion(): string {
  try {
    const require = createRequire(import.meta.url);
    return (require("deno/package.json") as { version: string }).version;
  } catch {
    return "unknown";
  }
}
