/** Errors when a debug stream cannot be watched. */
import { MayflyError } from "../contract/errors.ts";

export const notAllowed = () =>
  new MayflyError({
    code: "scope_missing",
    message: "The caller does not have the scope debug:read.",
    hint: "Ask an admin of the tenant for another role, or spawn the agent with this scope.",
    details: { scope: "debug:read" },
  });

export const badSince = (rule: string) =>
  new MayflyError({
    code: "invalid_request",
    message: `since ${rule}.`,
    hint: "Nothing is watched.",
    details: { field: "since" },
  });

export const stopped = () =>
  new MayflyError({
    code: "unavailable",
    message: "The watch was stopped.",
    hint: "Start another one.",
    details: null,
  });

export const tooMany = (agent: string, limit: number) =>
  new MayflyError({
    code: "quota_exceeded",
    message: `The agent ${agent} is not watched: one watch covers at most ${limit} agents.`,
    hint: "Watch a single agent with the option agent, or run fewer agents.",
    details: { quota: "debug_topics", limit, agent },
  });
