/**
 * The processor time of a test file: that of the process that runs it, and that of the processes that this
 * process has started and that have ended.
 */
import { readFileSync } from "node:fs";

declare module "vitest" {
  interface TaskMeta {
    /** How many seconds of processor time a test file took. Tests do not have this field. */
    effort?: number;
  }
}

/** The processor time of child processes that have ended, in seconds. Only Linux reports it. */
function childSeconds(): number {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[13]) + Number(fields[14])) / 100;
  } catch {
    return 0;
  }
}

const seconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + childSeconds();
};

/** @returns a function that returns the seconds of processor time since this call. */
export function measureEffort(): () => number {
  const before = seconds();
  return () => seconds() - before;
}
