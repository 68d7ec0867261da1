/** The embedded edge functions: one Deno process behind `/functions/v1`, kept alive and reloaded. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Logger } from "../log.ts";
import type { FunctionsProcess } from "./child.ts";
import { type FunctionsConfig, readFunctionsConfig } from "./config.ts";
import { findDeno } from "./deno_binary.ts";
import { failure } from "./errors.ts";
import { denoArguments, denoEnvironment } from "./launch.ts";
import { REQUEST_ID_HEADER } from "./protocol.ts";
import { forward } from "./proxy.ts";
import { Supervisor } from "./supervisor.ts";
import { refuse, tunnel } from "./tunnel.ts";
import { watchFiles } from "./watch.ts";

export interface FunctionsHost {
  /** Answers a request to `/functions/v1/<name>/…`. Never rejects. */
  fetch(request: Request): Promise<Response>;
  /** Hands a WebSocket request to `/functions/v1/<name>/…` to the function. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** The functions of supabase/config.toml that have an entrypoint. */
  readonly names: string[];
  health(): { state: "ok" | "starting" | "down"; version: string; detail?: string };
  /**
   * Resolves when the first process serves requests. Rejects with one sentence if it could not
   * start.
   */
  ready(): Promise<void>;
  /** Lets requests and background tasks finish for at most `drainMs`, and ends Deno. */
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
  /** How long a function may take to begin its answer. */
  requestTimeoutMs?: number;
  /** How long a busy loop may hold the process before it is restarted. */
  cpuLimitMs?: number;
  /** How much CPU time one request may use: see cpu-time.ts. Any amount by default. */
  requestCpuMs?: number;
  /** The age at which the process is ended with everything in it. By default, there is no such age. */
  wallClockMs?: number;
  /** How long the functions may take to load. */
  startTimeoutMs?: number;
  /** The most memory for the JavaScript heap of the process, which all functions share. */
  memoryLimitMb?: number;
  /** Says whether the caller's token is valid. Needed if a function has verify_jwt = true. */
  verify?: (request: Request) => Promise<boolean>;
  /** Deno's executable. By default that of the npm package. */
  deno?: string;
}

const CLOSE_MS = 2_000;

/** The limits of the hosted Free plan. Paid plans have 400 s of wall clock time. */
export const hostedLimits = { requestCpuMs: 2_000, wallClockMs: 150_000 };

/**
 * Starts the edge functions of a project.
 *
 * @throws an error with one sentence if Deno is missing, or supabase/config.toml cannot be used.
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
        modules: config.modules,
        memoryLimitMb: o.memoryLimitMb ?? 512,
      }),
      env: denoEnvironment(o.env()),
      functions: config.functions.map(({ name, url }) => ({ name, url })),
    }),
    log: o.log,
    cpuLimitMs: o.cpuLimitMs ?? 10_000,
    requestCpuMs: o.requestCpuMs,
    // Modules that have to be downloaded first take longer.
    startTimeoutMs: o.startTimeoutMs ?? (config.modules.installed ? 30_000 : 120_000),
    drainMs: o.wallClockMs === undefined ? requestTimeoutMs : o.wallClockMs / 2,
  });
  const ages = new Map<FunctionsProcess, NodeJS.Timeout>();
  // As on hosted projects, a process gets no new requests after half of its wall clock time, and ends
  // when that time is over.
  const acquire = async () => {
    const process = await supervisor.acquire();
    if (o.wallClockMs !== undefined && !ages.has(process)) {
      const replace = () => supervisor.current === process && void supervisor.start();
      ages.set(process, setTimeout(replace, o.wallClockMs / 2));
      void process.exited.then(() => {
        clearTimeout(ages.get(process));
        ages.delete(process);
      });
    }
    return process;
  };
  const first = supervisor.start();

  const reload = () => {
    try {
      const next = readConfig(o);
      reportProblems(next, config.problems, o.log);
      config = next;
      void supervisor.start();
    } catch (error) {
      o.log.error(`[functions] ${(error as Error).message} The previous version keeps running.`);
    }
  };
  const watcher = o.watch
    ? watchFiles(
        [...config.folders, join(o.root, "sdk", "src")],
        [join(o.root, "supabase", "config.toml")],
        reload,
      )
    : undefined;

  /** The process that serves the path, or the answer that refuses it. */
  async function find(
    request: Request,
    requestId: string,
  ): Promise<Response | { process: FunctionsProcess; name: string; path: string }> {
    const { pathname, search } = new URL(request.url);
    const [, name, rest] = /^\/functions\/v1\/([^/]+)(\/.*)?$/.exec(pathname) ?? [];
    const served = config.functions.find((entry) => entry.name === name);
    if (name === undefined || served === undefined) {
      const message = name ? `There is no function ${name}.` : "The path does not name a function.";
      return failure("function_not_found", message, requestId);
    }
    if (served.verifyJwt && request.method !== "OPTIONS" && !(await o.verify?.(request))) {
      return failure("unauthorized", "The token is missing or not valid.", requestId);
    }
    try {
      const process = await acquire();
      if (name in process.failed) {
        return failure("function_boot_error", `The function ${name} does not load.`, requestId);
      }
      return { process, name, path: `/${name}${rest ?? ""}${search}` };
    } catch (error) {
      return failure("functions_unavailable", (error as Error).message, requestId);
    }
  }

  async function answer(request: Request, requestId: string): Promise<Response> {
    const found = await find(request, requestId);
    if (found instanceof Response) return found;
    const { process, name, path } = found;
    const asHosted = o.requestCpuMs !== undefined || o.wallClockMs !== undefined;
    const timeoutMs = requestTimeoutMs;
    return forward(process, { request, name, path, requestId, timeoutMs, asHosted });
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
    upgrade(incoming, socket, head) {
      socket.on("error", () => socket.destroy());
      const headers = new Headers();
      for (const [name, value] of Object.entries(incoming.headers))
        if (typeof value === "string") headers.set(name, value);
      const asked = new Request(`http://${incoming.headers.host}${incoming.url}`, { headers });
      const requestId = requestIdOf(asked);
      void find(asked, requestId).then((found) => {
        if (found instanceof Response) return refuse(socket, found);
        const { process, path } = found;
        return tunnel(process, { request: incoming, socket, head, path, requestId });
      });
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
      `supabase/config.toml leaves verify_jwt on for ${names}, but nothing checks it here. Set verify_jwt = false and verify tokens in the function.`,
    );
  }
  return config;
}

function reportProblems(config: FunctionsConfig, known: string[], log: Logger): void {
  for (const problem of config.problems) {
    if (!known.includes(problem)) log.warn(`[functions] ${problem}`);
  }
}

/** The caller's own id if it is safe in a log line, otherwise a new one. */
function requestIdOf(request: Request): string {
  const given = request.headers.get(REQUEST_ID_HEADER) ?? "";
  return /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

/** Deno's version. Until Deno has reported it, this is the version that npm installed. */
function installedVersion(): string {
  try {
    const require = createRequire(import.meta.url);
    return (require("deno/package.json") as { version: string }).version;
  } catch {
    return "unknown";
  }
}
