import { randomBytes } from "node:crypto";
import type { TopicKey } from "./hub.ts";
import { canonical, type JsonObject } from "./json.ts";

interface Meta {
  owner: object;
  ref: string;
  previousRef?: string;
  /** The fields of the tracked payload as JSON text, with a comma before them. */
  fields: string;
}

/** Who is present on a topic, with keys and states. */
export class Presence {
  readonly #topics = new Map<TopicKey, Map<string, Meta[]>>();

  /**
   * Adds the owner under the key, or replaces what the owner has tracked before. Returns the diff as
   * JSON text.
   */
  track(topic: TopicKey, key: string, owner: object, payload: JsonObject): string {
    const keys = this.#topics.get(topic) ?? new Map<string, Meta[]>();
    this.#topics.set(topic, keys);
    const metas = keys.get(key) ?? [];
    const before = metas.find((meta) => meta.owner === owner);
    const text = canonical(payload);
    const meta: Meta = {
      owner,
      ref: randomBytes(12).toString("base64url"),
      ...(before ? { previousRef: before.ref } : {}),
      fields: text === "{}" ? "" : `,${text.slice(1, -1)}`,
    };
    keys.set(key, [...metas.filter((one) => one !== before), meta]);
    return diff(group([[key, [meta]]]), before ? group([[key, [before]]]) : "{}");
  }

  /** Removes the owner. Returns the diff as JSON text, or undefined if it was not present. */
  untrack(topic: TopicKey, key: string, owner: object): string | undefined {
    const keys = this.#topics.get(topic);
    const metas = keys?.get(key) ?? [];
    const meta = metas.find((one) => one.owner === owner);
    if (!keys || !meta) return undefined;
    if (metas.length > 1)
      keys.set(
        key,
        metas.filter((one) => one !== meta),
      );
    else keys.delete(key);
    if (keys.size === 0) this.#topics.delete(topic);
    return diff("{}", group([[key, [meta]]]));
  }

  /** Everyone present, as JSON text. */
  state(topic: TopicKey): string {
    return group([...(this.#topics.get(topic) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function diff(joins: string, leaves: string): string {
  return `{"joins":${joins},"leaves":${leaves}}`;
}

function group(keys: [string, Meta[]][]): string {
  const entries = keys.map(([key, metas]) => {
    const list = metas.map(({ ref, previousRef, fields }) => {
      const previous = previousRef === undefined ? "" : `,"phx_ref_prev":"${previousRef}"`;
      return `{"phx_ref":"${ref}"${previous}${fields}}`;
    });
    return `${JSON.stringify(key)}:{"metas":[${list.join(",")}]}`;
  });
  return `{${entries.join(",")}}`;
}

/** Limits the presence calls of one client within a window of time, which starts with its first call. */
export class PresenceCalls {
  readonly #max: number;
  readonly #windowMs: number;
  #count = 0;
  #resetAt = -1;

  constructor(max: number, windowMs: number) {
    this.#max = max;
    this.#windowMs = windowMs;
  }

  /** Counts a call. Returns false if the call exceeds the limit. */
  take(): boolean {
    const now = performance.now();
    if (now > this.#resetAt) {
      this.#count = 0;
      this.#resetAt = now + this.#windowMs;
    }
    if (this.#count >= this.#max) return false;
    this.#count++;
    return true;
  }
}
