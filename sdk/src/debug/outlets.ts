import { v7 as uuidv7 } from "uuid";
import { type DebugRow, debugTopic } from "../contract/debug.ts";
import type { Link } from "../link/link.ts";
import { lookAgainMs } from "../link/look-again.ts";
import type { Topic } from "../link/topic.ts";
import { debugOrders } from "./answers.ts";
import { DebugPump } from "./batch-sender.ts";
import { DebugBuffer } from "./buffer.ts";

/** The limit of each buffer, in bytes. */
const bufferBytes = 1_000_000;
const appendEveryMs = 1_000;

/** Sends records to watchers. It joins the agent's stream while somebody watches. */
export class DebugBroadcast {
  readonly buffer: DebugBuffer;
  readonly pump: DebugPump;
  readonly #link: Link;
  readonly #topicName: string;
  readonly #stream = uuidv7();
  #topic: Topic | undefined;

  constructor(
    link: Link,
    owner: { tenantId: string; id: string },
    records: number,
    intervalMs: number,
  ) {
    this.#link = link;
    this.#topicName = debugTopic(owner.tenantId, owner.id);
    this.buffer = new DebugBuffer(records, bufferBytes);
    this.pump = new DebugPump(this.buffer, intervalMs, async (batch) => {
      // Sending continues when the topic is joined.
      if (!this.#topic?.joined) return { again: 1_000 };
      const { error } = await this.#topic.send("records", { ...batch, stream: this.#stream });
      return error ? { again: null } : "arrived";
    });
  }

  get joined(): boolean {
    return this.#topic?.joined ?? false;
  }

  add(row: DebugRow, bytes: number): void {
    this.buffer.add(row, bytes);
    this.pump.wake();
  }

  /** Call this when somebody begins to watch, and when nobody watches any more. */
  want(wanted: boolean): void {
    if (wanted) {
      this.#join();
      return;
    }
    this.buffer.clear();
    const topic = this.#topic;
    this.#topic = undefined;
    void topic?.leave();
  }

  #join(): void {
    if (this.#topic) return;
    this.#topic = this.#link.topics.join(this.#topicName, {
      onJoined: (joined) => {
        if (joined) this.pump.hurry();
      },
    });
  }
}

/** Stores records in the table, if the tenant keeps them. */
export class DebugKeeper {
  readonly buffer: DebugBuffer;
  readonly pump: DebugPump;
  readonly #link: Link;
  readonly #onLevel: (level: number) => void;
  /** The last known level up to which the tenant keeps records. */
  told = 0;
  #looks = 0;

  /** @param onLevel called with the level up to which the tenant now keeps records. */
  constructor(link: Link, records: number, onLevel: (level: number) => void) {
    this.#link = link;
    this.#onLevel = onLevel;
    this.buffer = new DebugBuffer(records, bufferBytes);
    this.pump = new DebugPump(this.buffer, appendEveryMs, (batch) => this.#append(batch));
  }

  add(row: DebugRow, bytes: number): void {
    this.buffer.add(row, bytes);
    this.pump.wake();
  }

  async #append({ records, dropped }: { records: DebugRow[]; dropped: number }) {
    const answer = await this.#link.rpc("append_debug", { records, dropped }, debugOrders);
    if (!answer.error) {
      const level = answer.data.persist;
      // A new level can be announced before its row is visible. The call above has then stored nothing, so
      // it is repeated.
      const ms = level < this.told ? lookAgainMs[this.#looks++] : undefined;
      if (ms !== undefined) return { again: ms };
      this.#looks = 0;
      this.told = level;
      this.#onLevel(level);
      return "arrived";
    }
    const { code, details } = answer.error;
    if (code === "rate_limited") {
      const after = (details as { retry_after?: number } | null)?.retry_after ?? 60;
      return { again: after * 1_000 };
    }
    return code === "unavailable" || code === "internal" ? { again: null } : "never";
  }
}
