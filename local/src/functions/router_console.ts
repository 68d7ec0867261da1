/** Turns what functions print into log records with the name of the function and the request id. */
import { AsyncLocalStorage } from "node:async_hooks";
import { format } from "node:util";
import type { LogLevel } from "./protocol.ts";

export interface Caller {
  function: string;
  requestId?: string;
}

/**
 * The function whose code is running. It is set for each load and each request, and stays set across
 * awaits and timers.
 */
export const caller = new AsyncLocalStorage<Caller>();

/** Hosted Supabase cuts a log message at this length. */
const MAX_MESSAGE = 10_000;

const LEVELS: Record<string, LogLevel> = {
  debug: "debug",
  trace: "debug",
  log: "info",
  info: "info",
  warn: "warn",
  error: "error",
};

/** Replaces the console's printing methods by `write`. */
export function captureConsole(write: (level: LogLevel, message: string) => void): void {
  for (const [method, level] of Object.entries(LEVELS)) {
    Object.defineProperty(console, method, {
      configurable: true,
      writable: true,
      value: (...values: unknown[]) => write(level, format(...values).slice(0, MAX_MESSAGE)),
    });
  }
}
