import type { ErrorBody } from "../contract/errors.ts";
import type { Operation } from "../contract/schemas.ts";

/** An operation on its way to the server. */
export interface OutboxEntry {
  operation: Operation;
  /** The agent that queued it; null for a person or the secret key. */
  agentId: string | null;
  /** Why the server refused it: then it is a dead letter. */
  error?: ErrorBody;
}

/** What changes in an outbox, in one step. */
export interface OutboxChange {
  /** Kept behind what is there, or in the place of the one with the same operation id. */
  put?: OutboxEntry[];
  /** Ids of operations that are let go. */
  remove?: string[];
}

/** Where the outbox of one tenant is kept. */
export interface OutboxStore {
  /** What was kept, oldest first. */
  readonly entries: OutboxEntry[];
  /** What it has resolved for survives a crash of the process. */
  write(change: OutboxChange): Promise<void>;
  /** Fails with `storage_failed` when another process has taken it over. Left out where none can. */
  assertHeld?(): Promise<void>;
  /** Lets go of it; what is kept stays. */
  close(): Promise<void>;
}

/** A place for outboxes, one for each tenant. */
export interface OutboxStorage {
  /** The outbox of a tenant, with what is kept in it; `storage_failed` when another process has it. */
  open(tenant: string): Promise<OutboxStore>;
}

/** Keeps outboxes as long as the process lives. */
export function memoryStorage(): OutboxStorage {
  const kept = new Map<string, Map<string, OutboxEntry>>();
  return {
    async open(tenant) {
      const entries = kept.get(tenant) ?? new Map<string, OutboxEntry>();
      kept.set(tenant, entries);
      return {
        entries: [...entries.values()],
        async write({ put = [], remove = [] }) {
          for (const id of remove) entries.delete(id);
          for (const entry of put) entries.set(entry.operation.id, entry);
        },
        async close() {},
      };
    },
  };
}
