import { Outbox, type OutboxLimits } from "./outbox.ts";
import type { OutboxStorage } from "./storage.ts";
import { storageOf } from "./storage-of.ts";

/** The outboxes of a Mayfly client, one for each tenant. */
export class Outboxes {
  readonly #open = new Map<string, Outbox>();
  readonly #storage: () => Promise<OutboxStorage>;
  readonly #limits: OutboxLimits | undefined;

  constructor(storage?: OutboxStorage | string, limits?: OutboxLimits) {
    this.#limits = limits;
    let opened: Promise<OutboxStorage> | undefined;
    this.#storage = () => {
      opened ??= storageOf(storage);
      return opened;
    };
  }

  all(): Outbox[] {
    return [...this.#open.values()];
  }

  of(tenant: string): Outbox {
    // Use lower case, like the server, so that an agent and its Mayfly client share an outbox.
    const name = tenant.toLowerCase();
    const known = this.#open.get(name);
    if (known) return known;
    const outbox = new Outbox(name, this.#storage, this.#limits);
    this.#open.set(name, outbox);
    return outbox;
  }
}
