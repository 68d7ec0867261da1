import type { Json, JsonObject } from "./json.ts";
import {
  encodePush,
  encodeUserBroadcast,
  type Frame,
  type UserBroadcast,
  type Version,
} from "./serializer.ts";

/** A message for many subscribers. It is encoded only once for each version of the protocol. */
export interface Outgoing {
  kind: "broadcast" | "presence_diff";
  /** The row of a message from the database. */
  id?: string;
  encode(version: Version): Frame | undefined;
}

export interface Subscriber {
  /** Returns false if the subscriber may not get this. */
  deliver(message: Outgoing): boolean;
}

/** A public and a private topic with the same name are different topics. */
export type TopicKey = `${"private" | "public"}:${string}`;

export function topicKey(name: string, isPrivate: boolean): TopicKey {
  return `${isPrivate ? "private" : "public"}:${name}`;
}

/** Who listens to which topic. */
export class Hub {
  readonly #topics = new Map<TopicKey, Set<Subscriber>>();

  subscribe(key: TopicKey, subscriber: Subscriber): void {
    const subscribers = this.#topics.get(key);
    if (subscribers) subscribers.add(subscriber);
    else this.#topics.set(key, new Set([subscriber]));
  }

  unsubscribe(key: TopicKey, subscriber: Subscriber): void {
    const subscribers = this.#topics.get(key);
    if (subscribers?.delete(subscriber) && subscribers.size === 0) this.#topics.delete(key);
  }

  /** Whether the topic has a subscriber. */
  has(key: TopicKey): boolean {
    return this.#topics.has(key);
  }

  /** Sends the message to every subscriber except `except`, and returns how many got it. */
  publish(key: TopicKey, message: Outgoing, except?: Subscriber): number {
    // The loop is over a copy, because a receiver that exceeds its limit unsubscribes during the
    // loop.
    const receivers = [...(this.#topics.get(key) ?? [])].filter((one) => one !== except);
    return receivers.filter((receiver) => receiver.deliver(message)).length;
  }
}

function encodedOnce(
  encode: (version: Version) => Frame | undefined,
): (version: Version) => Frame | undefined {
  const frames = new Map<Version, Frame | undefined>();
  return (version) => {
    if (!frames.has(version)) frames.set(version, encode(version));
    return frames.get(version);
  };
}

/** A text message to a topic; `payload` is JSON text. */
export function textMessage(
  kind: Outgoing["kind"],
  name: string,
  payload: string,
  id?: string,
): Outgoing {
  const topic = `realtime:${name}`;
  const nothing: Json = null;
  return {
    kind,
    ...(id === undefined ? {} : { id }),
    encode: encodedOnce((version) => encodePush(version, nothing, nothing, topic, kind, payload)),
  };
}

/** A broadcast whose payload is relayed as it is. */
export function userMessage(name: string, message: UserBroadcast, id?: string): Outgoing {
  const meta: JsonObject | undefined = id === undefined ? undefined : { id };
  return {
    kind: "broadcast",
    ...(id === undefined ? {} : { id }),
    encode: encodedOnce((version) =>
      encodeUserBroadcast(version, `realtime:${name}`, message, meta),
    ),
  };
}
