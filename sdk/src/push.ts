import { callFunction, type MayflyClient } from "./call.ts";
import { type ErrorCode, failed, MayflyError, ok, type Result } from "./errors.ts";
import type { Outbox } from "./outbox.ts";
import { type OutboxEntry, storageFailed } from "./storage.ts";

/** What became of the outbox. */
export interface Pushed {
  /** Operations that the server has acknowledged. */
  pushed: number;
  /** Operations that the server refused for good: see `deadLetters`. */
  rejected: number;
}

/** Refusals that are about the operations, not about the caller or the moment. */
const aboutOperations: ErrorCode[] = [
  "agent_unknown",
  "clock_ahead",
  "invalid_operation",
  "invalid_request",
  "memory_exists",
  "op_expired",
  "push_too_large",
];

/**
 * Pushes what `agentId` has in the outbox, and what those left who are gone. What could not be
 * pushed stays.
 */
export async function pushOutbox(
  client: MayflyClient,
  outbox: Outbox,
  agentId: string | null,
): Promise<Result<Pushed>> {
  const done: Pushed = { pushed: 0, rejected: 0 };
  try {
    await outbox.open();
    let problem = await pushAll(client, outbox, done, () => outbox.take(agentId));
    if (problem?.code === "quota_exceeded") {
      // What is to be forgotten makes room: it must not wait behind what has none.
      const before = done.pushed;
      const freeing = () => outbox.take(agentId, { freeing: true });
      problem = (await pushAll(client, outbox, done, freeing)) ?? problem;
      if (done.pushed > before) {
        problem = await pushAll(client, outbox, done, () => outbox.take(agentId));
      }
    }
    return problem ? failed(problem) : ok(done);
  } catch (error) {
    return failed(asStorageError(error));
  }
}

async function pushAll(
  client: MayflyClient,
  outbox: Outbox,
  done: Pushed,
  take: () => OutboxEntry[],
): Promise<MayflyError | null> {
  for (let batch = take(); batch.length > 0; batch = take()) {
    try {
      const problem = await settle(client, outbox, batch, done);
      if (problem) return problem;
    } finally {
      outbox.release(batch);
    }
  }
  return null;
}

/** Pushes a batch; one that is refused is halved until the guilty one is found. */
async function settle(
  client: MayflyClient,
  outbox: Outbox,
  batch: OutboxEntry[],
  done: Pushed,
): Promise<MayflyError | null> {
  if (batch.length === 0) return null;
  const push = batch.map(({ operation }) => operation);
  const { error } = await callFunction(client, "sync", { push, limit: 0 });
  if (!error) {
    await outbox.acknowledge(batch);
    done.pushed += batch.length;
    return null;
  }
  if (!aboutOperations.includes(error.code)) return error;
  const named = (error.details as { index?: unknown } | null)?.index;
  const index = batch.length === 1 ? 0 : typeof named === "number" ? named : undefined;
  const culprit = index === undefined ? undefined : batch[index];
  if (culprit) {
    await outbox.bury(culprit, error);
    done.rejected++;
    const rest = batch.filter((entry) => entry !== culprit);
    return settle(client, outbox, rest, done);
  }
  const middle = Math.ceil(batch.length / 2);
  return (
    (await settle(client, outbox, batch.slice(0, middle), done)) ??
    (await settle(client, outbox, batch.slice(middle), done))
  );
}

export const asStorageError = (error: unknown): MayflyError =>
  error instanceof MayflyError
    ? error
    : storageFailed(`The outbox could not be used: ${String(error)}`, null, error);
