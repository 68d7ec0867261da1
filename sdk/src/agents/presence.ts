import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { unwritable } from "../contract/storable.ts";
import { presenceTopic } from "../contract/topics.ts";
import type { Link, Self } from "../link/link.ts";

import { ticks } from "../link/monotonic-time.ts";
import type { TopicHub } from "../link/topic-hub.ts";
import {
  type FollowLives,
  type PresenceHandler,
  type PresenceState,
  type PresenceWatchOptions,
  watchPresence,
} from "./presence-watch.ts";

/**
 * Realtime closes a channel at the sixth presence call within 30 s. One call is reserved for
 * leaving.
 */
const callsPerWindow = 4;
const windowMs = 30_000;
/**
 * Agents that reconnect together are spread over this time, because each of their updates is sent to every
 * watcher. The time doubles with each failed call, so that they do not fail together again.
 */
const jitterMs = 2_000;
const maxJitterMs = 60_000;
/** Realtime closes the channel if a payload is larger, and again each time it rejoins. */
const maxBytes = 256_000;

/** The agent's own presence. Changes are merged and spaced out to stay within Realtime's limits. */
export class Presence {
  readonly #link: Link;
  readonly #self: Self;
  readonly #follow: FollowLives;
  readonly #calls: number[] = [];
  readonly #listener = {
    onJoined: (joined: boolean) => this.#joined(joined),
    onError: (error: MayflyError) => this.#fail(error),
  };
  /** While a call runs, an error of the topic ends this call, because the call itself would get no answer. */
  #fail: (error: MayflyError) => void = () => {};
  #failures = 0;
  #hub: TopicHub | undefined;
  #state: PresenceState = {};
  /** Whether the state has to be sent again, once there is a connection. */
  #lost = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @internal */
  constructor(link: Link, self: Self, follow: FollowLives) {
    this.#link = link;
    this.#self = self;
    this.#follow = follow;
  }

  /**
   * Shows `state`, merged with what was shown before, until the agent ends or `leave()` is called. After a
   * lost connection it is shown again. The first four changes in 30 s are sent at once. Of further changes,
   * only the newest is sent, as soon as the limit allows.
   *
   * @param state at most 256 KB of JSON in all; each change goes to everyone who watches.
   * @returns `not_authorized` without `presence:write`; `invalid_request`; `unavailable` while Realtime
   * cannot be reached. The state is then shown as soon as possible.
   * @example
   * await agent.presence.track({ status: "reading", task: "README.md" });
   */
  async track(state: PresenceState): Promise<Result<null>> {
    const merged = { ...this.#state, ...state };
    const unfit = faultOf({ name: this.#self.name, ...merged });
    if (unfit) return failed(unfit);
    this.#state = merged;
    const hub = this.#hub ?? (await this.#join());
    const joined = await hub.ready;
    if (!joined.error) return this.#send();
    if (joined.error.code === "not_authorized") await this.leave();
    else this.#lost = true;
    return joined;
  }

  /**
   * Watches who is alive, over this agent's own connection: see {@link Agents.watch}. From then on Realtime
   * sends every change to this agent, which counts against the project's rate.
   */
  watch(handler: PresenceHandler, options?: PresenceWatchOptions) {
    return watchPresence(this.#link, handler, options, this.#follow);
  }

  /** @internal */
  close(): Promise<void> {
    return this.leave();
  }

  /** Stops being present. */
  async leave(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lost = false;
    const hub = this.#hub;
    this.#hub = undefined;
    await hub?.drop(this.#listener);
  }

  async #join(): Promise<TopicHub> {
    const hub = this.#link.topics.hub(presenceTopic(this.#self.tenantId));
    this.#hub = hub;
    await hub.usePresence({ key: this.#self.id });
    hub.add(this.#listener);
    return hub;
  }

  #joined(joined: boolean): void {
    if (!joined) this.#lost ||= this.#calls.length > 0;
    else if (this.#lost)
      this.#later(Math.random() * Math.min(jitterMs * 2 ** this.#failures, maxJitterMs));
  }

  #later(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#send();
    }, ms);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  async #send(): Promise<Result<null>> {
    const channel = this.#hub?.channel;
    // If there is no channel, the state is sent as soon as there is one.
    if (!channel || this.#timer) return ok(null);
    const now = ticks();
    const recent = this.#calls.filter((at) => at > now - windowMs);
    this.#calls.splice(0, this.#calls.length, ...recent);
    const [oldest] = recent;
    if (oldest !== undefined && recent.length >= callsPerWindow) {
      this.#later(oldest + windowMs - now);
      return ok(null);
    }
    this.#calls.push(now);
    this.#lost = false;
    const refusal = new Promise<MayflyError>((resolve) => {
      this.#fail = resolve;
    });
    const answer = await Promise.race([
      channel.track({ name: this.#self.name, ...this.#state }),
      refusal,
    ]);
    this.#fail = () => {};
    this.#failures = answer === "ok" ? 0 : this.#failures + 1;
    if (answer === "ok") return ok(null);
    if (typeof answer !== "string") return failed(answer);
    return failed(
      new MayflyError({
        code: answer === "error" ? "not_authorized" : "unavailable",
        message: `Realtime did not accept the presence: ${answer}.`,
        hint: "Check that the agent has presence:write and that Realtime can be reached.",
        details: null,
      }),
    );
  }
}

function faultOf(shown: object): MayflyError | undefined {
  const problem = unwritable(shown) ?? (bytesOf(shown) > maxBytes ? "has more than 256 KB" : null);
  if (problem === null) return undefined;
  return new MayflyError({
    code: "invalid_request",
    message: `The presence of an agent ${problem}.`,
    hint: "The old presence stays. Store large values in a state.",
    details: { field: "state" },
  });
}

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
