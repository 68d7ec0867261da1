import type { Mayfly, StoredMessage } from "@mayfly/sdk";
import { hourMs } from "./agents.ts";
import { Fetcher } from "./fetcher.ts";
import { Version } from "./frame.ts";

const most = 1_000;
/** The most messages that are kept. More of them would make the picture unreadable. */
const kept = 5_000;

/** The messages of the past hour that the person may read. */
export class MessageStore {
  readonly version = new Version();
  readonly #mayfly: Mayfly;
  readonly #messages = new Map<string, StoredMessage>();
  readonly #fetcher: Fetcher;

  constructor(mayfly: Mayfly) {
    this.#mayfly = mayfly;
    this.#fetcher = new Fetcher(async (ids) => {
      const { data } = await this.#mayfly.messages.list({ ids });
      if (data) this.#keep(data);
    });
  }

  async start(): Promise<void> {
    const since = new Date(Date.now() - hourMs);
    const { data } = await this.#mayfly.messages.list({ since, limit: most });
    if (data) this.#keep(data.reverse());
  }

  stop(): void {
    this.#fetcher.end();
  }

  get(id: string | null): StoredMessage | undefined {
    return id === null ? undefined : this.#messages.get(id);
  }

  all(): IterableIterator<StoredMessage> {
    return this.#messages.values();
  }

  want(ids: Iterable<string>): void {
    this.#fetcher.want(ids);
  }

  #keep(messages: StoredMessage[]): void {
    for (const message of messages) this.#messages.set(message.id, message);
    for (const id of this.#messages.keys()) {
      if (this.#messages.size <= kept) break;
      this.#messages.delete(id);
    }
    if (messages.length > 0) this.version.changed();
  }
}
