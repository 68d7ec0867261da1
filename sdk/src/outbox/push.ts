import { type ErrorCode, failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { storageFailed } from "../contract/invalid.ts";
import type { PushResult } from "../contract/log.ts";
import type { Operation } from "../contract/operation.ts";
import type { Link } from "../link/link.ts";
import { foreign } from "../link/refusals.ts";
import type { Outbox } from "./outbox.ts";
import type { OutboxEntry } from "./storage.ts";
import { pushOperations } from "./sync-call.ts";

/** The result of a push of the outbox. */
export interface Pushed {
  /** Operations that the server acknowledged. */
  pushed: number;
  /** Operations that the server refused for good: see `agent.outbox.refused`. */
  rejected: number;
}

/** Errors about the operations, not about the caller or a temporary state. */
const aboutOperations: ErrorCode[] = [
  "agent_unknown",
  "clock_ahead",
  "invalid_operation",
  "invalid_request",
  "memory_exists",
  "op_expired",
  "push_too_large",
];

/** Called with the result of each operation. The result is null if the server refused the operation. */
export type OnSettled = (operation: Operation, result: PushResult | null) => void;

/** What a push needs. */
interface Pushing {
  link: Link;
  outbox: Outbox;
  onSettled: OnSettled;
  done: Pushed;
}

/**
 * Pushes the operations of `agentId` in the outbox, and those of agents that have ended. Operations
 * that could not be pushed stay.
 */
export async function pushOutbox(
  link: Link,
  outbox: Outbox,
  agentId: string | null,
  onSettled: OnSettled = () => {},
): Promise<Result<Pushed>> {
  const pushing = { link, outbox, onSettled, done: { pushed: 0, rejected: 0 } };
  const { done } = pushing;
  try {
    await outbox.assertHeld();
    let problem = await pushAll(pushing, () => outbox.take(agentId));
    if (problem?.code === "quota_exceeded") {
      // Forgetting frees space, so it must not wait behind operations that have no room.
      const before = done.pushed;
      problem = (await pushAll(pushing, () => outbox.take(agentId, { freeing: true }))) ?? problem;
      if (done.pushed > before) {
        problem = await pushAll(pushing, () => outbox.take(agentId));
      }
    }
    return problem ? failed(problem) : ok(done);
  } catch (error) {
    return failed(asStorageError(error));
  }
}

async function pushAll(pushing: Pushing, take: () => OutboxEntry[]): Promise<MayflyError | null> {
  for (let batch = take(); batch.length > 0; batch = take()) {
    try {
      const problem = await settle(pushing, batch);
      if (problem) return problem;
    } finally {
      pushing.outbox.release(batch);
    }
  }
  return null;
}

/** Pushes a batch. If it is refused, it is halved until the faulty operation is found. */
async function settle(
  pushing: Pushing,
  batch: OutboxEntry[],
  restamped = false,
): Promise<MayflyError | null> {
  if (batch.length === 0) return null;
  const { link, outbox, onSettled, done } = pushing;
  const push = batch.map(({ operation }) => operation as Operation);
  const { data, error } = await pushOperations(link, push, outbox.clock);
  if (!error) {
    const results = new Map(data.results.map((result) => [result.id.toLowerCase(), result]));
    const resultOf = ({ operation }: OutboxEntry) => results.get(operation.id.toLowerCase());
    // Only operations in the answer are acknowledged, so that an answer that is not the server's never
    // empties an outbox.
    const settled = batch.filter(resultOf);
    await outbox.acknowledge(settled);
    for (const entry of settled) onSettled(entry.operation as Operation, resultOf(entry) ?? null);
    done.pushed += settled.length;
    return settled.length < batch.length ? foreign("the function sync") : null;
  }
  if (batch.length > 1 && isTooLarge(error)) {
    // A limit on the size of requests is no reason to keep smaller operations back.
    const middle = Math.ceil(batch.length / 2);
    const first = await settle(pushing, batch.slice(0, middle), restamped);
    const second = await settle(pushing, batch.slice(middle), restamped);
    return first ?? second;
  }
  if (!aboutOperations.includes(error.code)) return error;
  if (error.code === "clock_ahead" && !restamped) {
    return settle(pushing, await outbox.restamp(batch), true);
  }
  const named = (error.details as { index?: unknown } | null)?.index;
  const index = batch.length === 1 ? 0 : typeof named === "number" ? named : undefined;
  const culprit = index === undefined ? undefined : batch[index];
  if (culprit) {
    await outbox.bury(culprit, error);
    onSettled(culprit.operation as Operation, null);
    done.rejected++;
    const rest = batch.filter((entry) => entry !== culprit);
    return settle(pushing, rest, restamped);
  }
  const middle = Math.ceil(batch.length / 2);
  return (
    (await settle(pushing, batch.slice(0, middle), restamped)) ??
    (await settle(pushing, batch.slice(middle), restamped))
  );
}

/**
 * Whether something in front of the server refused a request because of its size. It may accept a
 * smaller one.
 */
const isTooLarge = ({ code, details }: MayflyError) =>
  code === "unavailable" && (details as { status?: unknown } | null)?.status === 413;

export const asStorageError = (error: unknown): MayflyError =>
  error instanceof MayflyError
    ? error
    : storageFailed(`The outbox could not be used: ${String(error)}`, null, error);
