import type { RealtimeChannel } from "@supabase/supabase-js";
import type { MayflyClient } from "./call.ts";
import { failed, MayflyError, ok, type Result } from "./errors.ts";

/** What an agent shows of itself to its tenant. */
export interface PresenceState {
  status?: string;
  task?: string;
  metadata?: Record<string, unknown>;
}

/** An agent as presence shows it. A hint: the table `agents` is the truth. */
export interface PresentAgent extends PresenceState {
  id: string;
  name: string;
}

/** Realtime closes a channel at the sixth presence call within 30 s; one is kept for the end. */
const callsPerWindow = 4;
const windowMs = 30_000;

const topicOf = (tenant: string) => `tenant:${tenant}:agents`;

const unavailable = (message: string) =>
  new MayflyError({
    code: "unavailable",
    message,
    hint: "Is Realtime enabled, and does the caller have presence:read or presence:write?",
    details: null,
  });

async function subscribe(client: MayflyClient, channel: RealtimeChannel): Promise<Result<null>> {
  // The first private join must already carry the token: without it the refusal takes 5 s.
  await client.realtime.setAuth();
  return new Promise((resolve) => {
    channel.subscribe((status, error) => {
      if (status === "SUBSCRIBED") resolve(ok(null));
      else
        resolve(failed(unavailable(`Presence could not be joined: ${error?.message ?? status}.`)));
    });
  });
}

/** The agents that are present in a channel now, by id. */
function presentIn(channel: RealtimeChannel): PresentAgent[] {
  return Object.entries(channel.presenceState<Omit<PresentAgent, "id">>()).flatMap(
    ([id, metas]) => {
      const newest = metas.at(-1);
      if (!newest) return [];
      const { presence_ref: _ref, ...state } = newest;
      return [{ ...state, id }];
    },
  );
}

/**
 * Calls `handler` with everyone present, now and at every change.
 *
 * @returns stops watching.
 */
export async function watchPresence(
  client: MayflyClient,
  tenant: string,
  handler: (present: PresentAgent[]) => void,
): Promise<Result<() => Promise<void>>> {
  const channel = client.channel(topicOf(tenant), { config: { private: true } });
  channel.on("presence", { event: "sync" }, () => handler(presentIn(channel)));
  const { error } = await subscribe(client, channel);
  if (error) {
    await client.removeChannel(channel);
    return failed(error);
  }
  return ok(async () => void (await client.removeChannel(channel)));
}

/** An agent's own presence. Changes are merged and spaced to what Realtime allows. */
export class Presence {
  readonly #client: MayflyClient;
  readonly #tenant: string;
  readonly #self: { id: string; name: string };
  readonly #calls: number[] = [];
  #channel: RealtimeChannel | undefined;
  #joining: Promise<Result<null>> | undefined;
  #state: PresenceState = {};
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: MayflyClient, tenant: string, self: { id: string; name: string }) {
    this.#client = client;
    this.#tenant = tenant;
    this.#self = self;
  }

  /**
   * Shows `state`, merged with what was shown before. Four changes in 30 s go out at once; of more,
   * the newest goes when there is room.
   *
   * @example
   * await agent.presence.track({ status: "reading", task: "README.md" });
   */
  async track(state: PresenceState): Promise<Result<null>> {
    this.#state = { ...this.#state, ...state };
    this.#joining ??= this.#join();
    const joined = await this.#joining;
    if (joined.error) {
      this.#joining = undefined;
      return joined;
    }
    return this.#send();
  }

  /** Everyone present, as `mayfly.agents.watch` has it, over this agent's own connection. */
  get present(): PresentAgent[] {
    return this.#channel ? presentIn(this.#channel) : [];
  }

  /** Shows nothing any more. */
  async leave(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const channel = this.#channel;
    this.#channel = undefined;
    this.#joining = undefined;
    if (channel) await this.#client.removeChannel(channel);
  }

  async #join(): Promise<Result<null>> {
    const channel = this.#client.channel(topicOf(this.#tenant), {
      config: { private: true, presence: { key: this.#self.id, enabled: true } },
    });
    const joined = await subscribe(this.#client, channel);
    if (joined.error) await this.#client.removeChannel(channel);
    else this.#channel = channel;
    return joined;
  }

  async #send(): Promise<Result<null>> {
    const channel = this.#channel;
    if (!channel || this.#timer) return ok(null);
    const now = Date.now();
    const recent = this.#calls.filter((at) => at > now - windowMs);
    this.#calls.splice(0, this.#calls.length, ...recent);
    const [oldest] = recent;
    if (oldest !== undefined && recent.length >= callsPerWindow) {
      this.#timer = setTimeout(
        () => {
          this.#timer = undefined;
          void this.#send();
        },
        oldest + windowMs - now,
      );
      (this.#timer as { unref?: () => void }).unref?.();
      return ok(null);
    }
    this.#calls.push(now);
    const answer = await channel.track({ name: this.#self.name, ...this.#state });
    return answer === "ok" ? ok(null) : failed(unavailable(`Presence was not taken: ${answer}.`));
  }
}
