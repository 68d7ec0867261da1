import { type ErrorCode, failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";

import { foreign } from "../link/refusals.ts";
import { mayBeDone, retried } from "../link/retry.ts";
import { sent } from "./answers.ts";
import type { OutgoingMessage, Sent } from "./content.ts";

const perCall = 100;
/** A call takes 4 MB; in bytes of JSON, with room for what UTF-8 and Postgres add. */
const charactersPerCall = 1_000_000;
/** Of what passes: the same ids again, so that nothing is sent twice. */
const tries = 5;
const firstMs = 250;
/** Errors that are one message's, not the call's. */
const ofOne: ErrorCode[] = [
  "channel_unknown",
  "invalid_request",
  "message_id_taken",
  "no_recipient",
  "not_publisher",
  "op_expired",
  "push_too_large",
  "recipient_not_alive",
  "recipient_unknown",
];

interface Waiting {
  message: OutgoingMessage;
  size: number;
  resolve: (result: Result<Sent>) => void;
}

/**
 * What is sent at the same time goes in one call: while one is under way the next ones gather, in their
 * order.
 */
export class Outgoing {
  readonly #link: Link;
  readonly #waiting: Waiting[] = [];
  #sending = false;

  constructor(link: Link) {
    this.#link = link;
  }

  send(message: OutgoingMessage): Promise<Result<Sent>> {
    return new Promise((resolve) => {
      this.#waiting.push({ message, size: JSON.stringify(message).length, resolve });
      if (!this.#sending) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#sending = true;
    // What is sent in the same turn goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      let size = 0;
      const end = this.#waiting.findIndex((waiting, n) => {
        size += waiting.size;
        return n === perCall || (n > 0 && size > charactersPerCall);
      });
      await this.#sendAll(this.#waiting.splice(0, end === -1 ? this.#waiting.length : end));
    }
    this.#sending = false;
  }

  async #sendAll(batch: Waiting[]): Promise<void> {
    for (let left = batch; left.length > 0; ) {
      const { data, error } = await this.#post(left.map(({ message }) => message));
      if (!error) {
        const results = new Map(data.map((result) => [result.id, result]));
        for (const { message, resolve } of left)
          resolve(ok(results.get(message.id.toLowerCase()) ?? { id: message.id }));
        return;
      }
      const bad = culprit(error, left);
      if (bad === undefined) {
        for (const { resolve } of left) resolve(failed(error));
        return;
      }
      if (bad === null) {
        // It does not say which: each alone.
        for (const one of left) await this.#sendAll([one]);
        return;
      }
      // The others go on without it.
      bad.resolve(failed(error));
      left = left.filter((waiting) => waiting !== bad);
    }
  }

  #post(messages: OutgoingMessage[]): Promise<Result<Sent[]>> {
    const post = async (): Promise<Result<Sent[]>> => {
      const answer = await this.#link.rpc("send_messages", { messages: messages as never }, sent);
      const error = answer.error ?? unnamed(messages, answer.data);
      return error ? failed(error) : answer;
    };
    return retried(post, mayBeDone, { firstMs, tries });
  }
}

/** Sent is what the answer names: an empty list has sent nothing. */
function unnamed(messages: OutgoingMessage[], answer: Sent[]): MayflyError | null {
  const named = new Set(answer.map(({ id }) => id));
  return messages.every(({ id }) => named.has(id.toLowerCase())) ? null : foreign("the Data API");
}

/** Whose error it is: one of the batch, null for one that is not named, undefined for the call's own. */
function culprit(error: MayflyError, batch: Waiting[]): Waiting | null | undefined {
  if (!ofOne.includes(error.code) || batch.length === 1) return undefined;
  const { index } = (error.details ?? {}) as { index?: unknown };
  return (typeof index === "number" ? batch[index] : undefined) ?? null;
}
