import { type ErrorCode, failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";

import { foreign } from "../link/refusals.ts";
import { mayBeDone, retried } from "../link/retry.ts";
import type { Acknowledgements } from "./acknowledgements.ts";
import { sentAndAcknowledged } from "./answers.ts";
import type { OutgoingMessage, Sent } from "./content.ts";

const perCall = 100;
/**
 * A call may have 4 MB. This limit counts characters of JSON, and leaves room for what UTF-8 and Postgres
 * add.
 */
const charactersPerCall = 1_000_000;
/** How many times in all to try a call. The messages keep their ids, so that nothing is sent twice. */
const tries = 5;
const firstMs = 250;
/** Errors of a single message, not of the call. */
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
 * Messages that are sent at the same time share one call. While one call is running, further messages wait
 * for the next call, in order.
 */
export class Outgoing {
  readonly #link: Link;
  readonly #acknowledgements: Acknowledgements;
  readonly #waiting: Waiting[] = [];
  #sending = false;

  constructor(link: Link, acknowledgements: Acknowledgements) {
    this.#link = link;
    this.#acknowledgements = acknowledgements;
  }

  send(message: OutgoingMessage): Promise<Result<Sent>> {
    return new Promise((resolve) => {
      this.#waiting.push({ message, size: JSON.stringify(message).length, resolve });
      if (!this.#sending) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#sending = true;
    // Messages that are sent in the same turn of the event loop share a call.
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
        // The error does not say which message, so send each one alone.
        for (const one of left) await this.#sendAll([one]);
        return;
      }
      // The other messages are sent without the bad one.
      bad.resolve(failed(error));
      left = left.filter((waiting) => waiting !== bad);
    }
  }

  /** Sends messages, together with the acknowledgements that wait. */
  async #post(messages: OutgoingMessage[]): Promise<Result<Sent[]>> {
    const acknowledge = this.#acknowledgements.take();
    const post = async () => {
      const given = { messages, acknowledge };
      const answer = await this.#link.rpc("send_messages", given, sentAndAcknowledged);
      const error = answer.error ?? unnamed(messages, answer.data.sent);
      return error ? failed(error) : answer;
    };
    const { data, error } = await retried(post, mayBeDone, { firstMs, tries });
    this.#acknowledgements.settle(acknowledge, error ? null : data.unseen);
    return error ? failed(error) : ok(data.sent);
  }
}

/** Only messages in the answer count as sent. If the answer is an empty list, none was sent. */
function unnamed(messages: OutgoingMessage[], answer: Sent[]): MayflyError | null {
  const named = new Set(answer.map(({ id }) => id));
  return messages.every(({ id }) => named.has(id.toLowerCase())) ? null : foreign("the Data API");
}

/**
 * The message that an error is about. Null if the error is about a message but does not say which. Undefined
 * if the error is about the call itself.
 */
function culprit(error: MayflyError, batch: Waiting[]): Waiting | null | undefined {
  if (!ofOne.includes(error.code) || batch.length === 1) return undefined;
  const { index } = (error.details ?? {}) as { index?: unknown };
  return (typeof index === "number" ? batch[index] : undefined) ?? null;
}
