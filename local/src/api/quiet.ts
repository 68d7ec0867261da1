import { AsyncLocalStorage } from "node:async_hooks";
import type { Logger } from "../log.ts";

// lite writes errors to the console, with SQL and stacks, and has no option for this. While a call of
// lite runs in `quietly`, its output becomes single lines of our log, at level debug. The rest of the
// process still writes to the console.
const current = new AsyncLocalStorage<Logger>();
const levels = ["log", "info", "warn", "error"] as const;
let users = 0;
let originals: Array<() => void> = [];

/** Runs a call, and sends lite's console output to the log as single lines. */
export function quietly<T>(log: Logger, call: () => Promise<T>): Promise<T> {
  return current.run(log, call);
}

/**
 * Makes `quietly` work, by replacing the methods of the console. @returns a function that undoes
 * this
 */
export function interceptConsole(): () => void {
  if (users++ === 0) originals = levels.map(intercept);
  let undone = false;
  return () => {
    if (undone) return;
    undone = true;
    if (--users === 0) for (const restore of originals) restore();
  };
}

function intercept(level: (typeof levels)[number]): () => void {
  const original = console[level];
  console[level] = (...values: unknown[]) => {
    const log = current.getStore();
    if (!log) return original(...values);
    log.debug(`lite: ${firstLine(values)}`);
  };
  return () => {
    console[level] = original;
  };
}

function firstLine(values: unknown[]): string {
  const texts = values.map((value) => (value instanceof Error ? value.message : String(value)));
  return (texts.join(" ").split("\n")[0] ?? "").slice(0, 300);
}
