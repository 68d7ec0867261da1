import type { Envelope } from "../contract/envelope.ts";
import type { ErrorBody } from "../contract/errors.ts";

/** An operation on its way to the server. */
export interface OutboxEntry {
  operation: Envelope;
  /** The agent that queued it; null for a person or the secret key. */
  agentId: string | null;
  /** Why the server refused it. It is then a dead letter. */
  error?: ErrorBody;
}

/** A change of an outbox, in one step. */
export interface OutboxChange {
  /** Operations to add at the end. An operation replaces a stored one with the same id. */
  put?: OutboxEntry[];
  /** Ids of operations to remove. */
  remove?: string[];
}

/** The storage of one tenant's outbox. */
export interface OutboxStore {
  /** The stored operations, oldest first. */
  readonly entries: OutboxEntry[];
  /** When this resolves, the change survives a crash of the process. */
  write(change: OutboxChange): Promise<void>;
  /**
   * Fails with `storage_failed` if another process has taken over the storage. Leave this method out if no
   * other process can.
   */
  assertHeld?(): Promise<void>;
  /** Releases the storage. The stored operations stay. */
  close(): Promise<void>;
}

/** A storage for outboxes, one for each tenant. */
export interface OutboxStorage {
  /**
   * Opens the outbox of a tenant, with what is stored in it. Fails with `storage_failed` if another process
   * has it.
   */
  open(tenant: string): Promise<OutboxStore>;
}

/** Keeps outboxes in memory, as long as the process lives. */
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
