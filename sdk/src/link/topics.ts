import type { MayflyError } from "../contract/errors.ts";
import type { MayflyClient } from "./call.ts";
import { whyUnconnected } from "./connection-errors.ts";
import { disconnect } from "./disconnect.ts";
import { ticks } from "./monotonic-time.ts";
import type { Topic, TopicListener } from "./topic.ts";
import { TopicHub } from "./topic-hub.ts";

/**
 * Within this time, the server is asked only once why there is no connection, even if many topics wait for
 * it.
 */
const askAgainMs = 10_000;

/**
 * The private Realtime topics of a connection. Each has only one channel, even if it has many
 * listeners.
 */
export class Topics {
  /** Called once, when the first topic is joined. */
  onFirst: () => void = () => {};
  readonly #client: MayflyClient;
  readonly #hubs = new Map<string, TopicHub>();
  #asked: { at: number; answer: Promise<MayflyError> } | undefined;

  readonly #elsewhere: (topic: string, listener: TopicListener) => Topic | undefined;
  readonly #others = new Set<Topic>();

  /** @param elsewhere joins a topic in a way other than Realtime, if there is one. */
  constructor(
    client: MayflyClient,
    elsewhere: (topic: string, listener: TopicListener) => Topic | undefined = () => undefined,
  ) {
    this.#client = client;
    this.#elsewhere = elsewhere;
  }

  /**
   * Listens to a private topic. The topic is joined again whenever its Realtime channel ends: after a lost
   * connection, after an expired token, or when the server closes the channel.
   */
  join(topic: string, listener: TopicListener): Topic {
    this.#begins();
    const other = this.#elsewhere(topic, listener);
    if (other) return this.#kept(other);
    const hub = this.hub(topic);
    hub.add(listener);
    return {
      get joined() {
        return hub.joined;
      },
      ready: hub.ready,
      send: (event, payload, timeoutMs) => hub.send(event, payload, timeoutMs),
      leave: () => hub.drop(listener),
    };
  }

  /** The one hub of a topic. */
  hub(topic: string): TopicHub {
    this.#begins();
    const hub =
      this.#hubs.get(topic) ?? new TopicHub(this.#client, topic, () => this.#whyUnconnected());
    this.#hubs.set(topic, hub);
    return hub;
  }

  /** Leaves every topic, and closes the connection. */
  async close(): Promise<void> {
    const ends = [...this.#hubs.values()].map((hub) => hub.end());
    await Promise.all([...ends, ...[...this.#others].map((topic) => topic.leave())]);
    await disconnect(this.#client);
  }

  #begins(): void {
    const step = this.onFirst;
    this.onFirst = () => {};
    step();
  }

  #kept(topic: Topic): Topic {
    this.#others.add(topic);
    return {
      get joined() {
        return topic.joined;
      },
      ready: topic.ready,
      send: (event, payload, timeoutMs) => topic.send(event, payload, timeoutMs),
      leave: () => {
        this.#others.delete(topic);
        return topic.leave();
      },
    };
  }

  #whyUnconnected(): Promise<MayflyError> {
    if (this.#asked && this.#asked.at > ticks() - askAgainMs) return this.#asked.answer;
    const answer = whyUnconnected(this.#client);
    this.#asked = { at: ticks(), answer };
    return answer;
  }
}
