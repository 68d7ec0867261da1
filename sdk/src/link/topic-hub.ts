import type { RealtimeChannel } from "@supabase/supabase-js";
import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import type { MayflyClient } from "./call.ts";
import { isLimit } from "./connection-errors.ts";
import { jittered } from "./jitter.ts";
import { ticks, within } from "./monotonic-time.ts";
import type { TopicListener } from "./topic.ts";
import { explain, left, notJoined, reasonOf, refused } from "./topic-errors.ts";

/**
 * The first pause before another try to join. Realtime takes 5 s to refuse a join, and blocks the whole
 * socket meanwhile.
 */
const firstRetryMs = 1_000;
const maxRetryMs = 60_000;
/**
 * After a limit was reached, a successful join does not count as a recovery until this much time has
 * passed.
 */
const calmMs = 60_000;
/**
 * If a server does not say when it begins to pass on broadcasts of the database, it is assumed to
 * do so after this long.
 */
const replicationMs = 5_000;
const sendTimeoutMs = 5_000;
/** If a connection is back sooner than this, nothing is reported. */
const lossMs = 5_000;

/** How a channel uses presence. */
export interface PresenceUse {
  /** The key under which it is present. A pure receiver has none. */
  key?: string;
  /** Whether it wants to know who else is present. */
  receive?: boolean;
  onSync?: () => void;
}

/** One topic of one client: its channel and its listeners. */
export class TopicHub {
  readonly #client: MayflyClient;
  readonly #topic: string;
  readonly #whyUnconnected: () => Promise<MayflyError>;
  readonly #listeners = new Set<TopicListener>();
  #channel: RealtimeChannel | undefined;
  #presence: Pick<PresenceUse, "key" | "receive"> | undefined;
  readonly #onSync = new Set<() => void>();
  #subscribed = false;
  #wasJoined = false;
  #flowing = false;
  #failures = 0;
  /**
   * The server's last message about this channel. If the server then closes the channel without a reason,
   * this message is the reason.
   */
  #said: string | undefined;
  #limitedAt = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #opening = false;
  #leaving: Promise<unknown> = Promise.resolve();
  #settle: (result: Result<null>) => void = () => {};
  #ready: Promise<Result<null>> | undefined;

  /** @param whyUnconnected finds out why there is no connection. */
  constructor(client: MayflyClient, topic: string, whyUnconnected: () => Promise<MayflyError>) {
    this.#client = client;
    this.#topic = topic;
    this.#whyUnconnected = whyUnconnected;
  }

  get joined(): boolean {
    return this.#subscribed;
  }

  /** The result of the current join. If Realtime cannot be reached, the join is retried. */
  get ready(): Promise<Result<null>> {
    if (this.#subscribed) return Promise.resolve(ok(null));
    this.#ready ??= new Promise((resolve) => {
      this.#settle = (result) => {
        this.#ready = undefined;
        resolve(result);
      };
    });
    return this.#ready;
  }

  /** The channel, for presence. Undefined while it is not joined. */
  get channel(): RealtimeChannel | undefined {
    return this.#subscribed ? this.#channel : undefined;
  }

  add(listener: TopicListener): void {
    this.#listeners.add(listener);
    if (this.#channel || this.#opening || this.#timer) {
      if (this.#flowing) listener.onJoined?.(true);
    } else this.#open();
  }

  async drop(listener: TopicListener): Promise<void> {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
    await this.end();
  }

  /** Stops watching who is present. */
  dropSync(onSync: () => void): void {
    this.#onSync.delete(onSync);
  }

  /** Adds presence. If the channel was joined without presence, it is joined again. */
  async usePresence({ onSync, ...use }: PresenceUse): Promise<void> {
    if (onSync) this.#onSync.add(onSync);
    const before = this.#presence;
    this.#presence = { ...before, ...use };
    const same = this.#presence.key === before?.key && this.#presence.receive === before?.receive;
    if (same && this.#channel?.state === "joined") onSync?.();
    if (same || !this.#channel) return;
    await this.#close();
    this.#open();
  }

  async end(): Promise<void> {
    this.#listeners.clear();
    this.#presence = undefined;
    this.#onSync.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#settle(failed(left(this.#topic)));
    await this.#close();
  }

  async send(
    event: string,
    payload: Record<string, unknown>,
    timeoutMs = sendTimeoutMs,
  ): Promise<Result<null>> {
    const channel = this.#channel;
    if (!channel || !this.#subscribed) return failed(notJoined(this.#topic));
    // realtime-js throws if it cannot serialise the payload.
    const answer = await channel
      .send({ type: "broadcast", event, payload }, { timeout: within(timeoutMs) })
      .catch(() => "the payload cannot be serialised");
    if (answer === "ok") return ok(null);
    return failed(this.#subscribed ? refused(this.#topic, answer) : notJoined(this.#topic));
  }

  #open(): void {
    this.#opening = true;
    void this.#join().finally(() => {
      this.#opening = false;
    });
  }

  async #join(): Promise<void> {
    // Wait, because realtime-js would otherwise return the channel that is being left.
    await this.#leaving;
    // The first private join must already have the token, because a refusal without a token takes 5 s. If
    // there is no token, the server refuses the join, and it is tried again.
    await this.#client.realtime.setAuth().catch(() => {});
    if (this.#listeners.size === 0 || this.#channel) return;
    const presence = this.#presence;
    const channel = this.#client.channel(this.#topic, {
      config: {
        private: true,
        broadcast: { ack: true, replication_ready: true },
        ...(presence && { presence: { key: presence.key ?? "", enabled: !!presence.receive } }),
      },
    });
    this.#channel = channel;
    channel.on("broadcast", { event: "*" }, ({ event, payload }) => {
      for (const { onMessage } of this.#listeners) onMessage?.(event, payload ?? {});
    });
    channel.on("system", {}, ({ extension, status, message }) => {
      if (extension !== "system" || channel !== this.#channel) return;
      this.#said = status === "ok" ? undefined : String(message);
      this.#flows(status === "ok");
    });
    if (presence?.receive)
      channel.on("presence", { event: "sync" }, () => {
        for (const onSync of this.#onSync) onSync();
      });
    channel.subscribe((status, error) => {
      // Ignore news about a channel that was given up.
      if (channel === this.#channel) this.#heard(status, error);
    });
  }

  #heard(status: string, error: Error | undefined): void {
    this.#subscribed = status === "SUBSCRIBED";
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#subscribed) {
      this.#wasJoined = true;
      this.#settle(ok(null));
      this.#plan(replicationMs, () => this.#flows(true));
      return;
    }
    this.#flows(false);
    // The connection was lost. realtime-js joins again by itself when it has another one.
    if (status === "CHANNEL_ERROR" && !reasonOf(error)) {
      this.#said = undefined;
      if (!this.#wasJoined) return void this.#explainLoss();
      this.#settle(failed(notJoined(this.#topic)));
      this.#plan(lossMs, () => void this.#explainLoss());
      return;
    }
    const reason = reasonOf(error) ?? this.#said;
    this.#said = undefined;
    if (reason) this.#fails(explain(this.#topic, reason));
    else this.#settle(failed(notJoined(this.#topic)));
    if (reason && isLimit(reason)) this.#limitedAt = ticks();
    this.#failures++;
    const delay = Math.min(firstRetryMs * 2 ** (this.#failures - 1), maxRetryMs);
    void this.#close();
    // Add jitter, because the same cause has often ended many channels.
    this.#plan(jittered(delay), () => this.#open());
  }

  async #explainLoss(): Promise<void> {
    const why = await this.#whyUnconnected();
    if (!this.#subscribed && this.#listeners.size > 0) this.#fails(why);
  }

  #fails(why: MayflyError): void {
    this.#settle(failed(why));
    for (const { onError } of this.#listeners) onError?.(why);
  }

  #flows(flowing: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (flowing && ticks() - this.#limitedAt > calmMs) this.#failures = 0;
    if (!flowing && !this.#flowing) return;
    this.#flowing = flowing;
    for (const { onJoined } of this.#listeners) onJoined?.(flowing);
  }

  #plan(ms: number, step: () => void): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      step();
    }, ms);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  async #close(): Promise<void> {
    const channel = this.#channel;
    this.#channel = undefined;
    this.#subscribed = false;
    this.#flowing = false;
    if (!channel) return;
    this.#leaving = this.#client.removeChannel(channel);
    await this.#leaving;
  }
}
