import type { WebSocket } from "ws";
import { Channel } from "./channel.ts";
import type { Connection, Context } from "./context.ts";
import { JoinError } from "./join-error.ts";
import { checkJoin } from "./joining.ts";
import type { Json } from "./json.ts";
import { legacyChange, pushOpening } from "./opening.ts";
import {
  decode,
  encodePush,
  encodeReply,
  type Frame,
  type Incoming,
  type Version,
} from "./serializer.ts";

/** How many frames of one channel may wait for the database. */
const maxPending = 10_000;

/** An incoming or outgoing frame that waits until a join is decided. */
interface Waiting {
  bytes: number;
  run: () => void;
}

/**
 * One client's connection. As on Supabase's server, a join blocks the connection: until the join is
 * answered, frames in both directions wait in order.
 */
export class RealtimeSocket implements Connection {
  readonly version: Version;
  readonly token: string;
  readonly headers: Record<string, string>;
  readonly #socket: WebSocket;
  readonly #context: Context;
  readonly #channels = new Map<string, Channel>();
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #joining = false;
  #lastHeard = performance.now();

  constructor(
    socket: WebSocket,
    context: Context,
    opened: { version: Version; token: string; headers: Record<string, string> },
  ) {
    this.#socket = socket;
    this.#context = context;
    this.version = opened.version;
    this.token = opened.token;
    this.headers = opened.headers;
    socket.on("message", (data: Buffer, binary) => {
      this.#lastHeard = performance.now();
      this.#inOrder(data.length, () => this.#receive(data, binary));
    });
    socket.on("close", () => this.#end());
    socket.on("error", (error) =>
      context.log.debug("A socket failed.", { problem: error.message }),
    );
  }

  get channels(): number {
    return this.#channels.size;
  }

  send(frame: Frame): void {
    this.#inOrder(frame.length, () => this.#transmit(frame));
  }

  forget(topic: string): void {
    this.#channels.delete(topic);
  }

  /** Closes the connection if the client has been silent for too long. */
  closeIfIdle(): void {
    if (performance.now() - this.#lastHeard >= this.#context.limits.idleTimeoutMs) this.close(1000);
  }

  close(code: number): void {
    this.#socket.close(code);
  }

  /**
   * Called when the project is reloaded. Each channel is notified, and the client connects again.
   */
  reload(): void {
    const message = "Server requested disconnect";
    const payload = JSON.stringify({ extension: "system", message, status: "ok" });
    for (const topic of this.#channels.keys())
      this.send(encodePush(this.version, null, null, topic, "system", payload));
    this.#inOrder(0, () => this.close(1012));
  }

  /** Drops the connection without a closing handshake. */
  terminate(): void {
    this.#socket.terminate();
  }

  #inOrder(bytes: number, run: () => void): void {
    if (!this.#joining) {
      run();
      return;
    }
    this.#waiting.push({ bytes, run });
    this.#waitingBytes += bytes;
    if (this.#waitingBytes > this.#context.limits.bufferedBytes) this.#overflow();
  }

  #resume(): void {
    this.#joining = false;
    while (!this.#joining) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#waitingBytes -= next.bytes;
      next.run();
    }
  }

  /** Every frame to the client goes through here. */
  #transmit(frame: Frame): void {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return;
    socket.send(frame, { binary: typeof frame !== "string" });
    if (socket.bufferedAmount > this.#context.limits.bufferedBytes) this.#overflow();
  }

  #overflow(): void {
    this.#context.log.warn("A socket that did not keep up was closed.");
    this.#socket.terminate();
  }

  #end(): void {
    this.#waiting.length = 0;
    for (const channel of this.#channels.values()) channel.end();
    this.#channels.clear();
    this.#context.users.delete(this);
  }

  #receive(data: Buffer, binary: boolean): void {
    const message = decode(this.version, data, binary);
    if (!message) return;
    const channel = this.#channels.get(message.topic);
    if (message.topic === "phoenix" && message.event === "heartbeat") {
      this.#reply(message, "ok", {});
    } else if (message.event === "phx_join" && message.topic.startsWith("realtime:")) {
      this.#joining = true;
      void this.#join(message, channel).finally(() => this.#resume());
    } else if (channel && message.event === "phx_leave") {
      if (message.joinRef === channel.joinRef) channel.leave(message);
    } else if (channel) {
      channel.handle(message);
      if (channel.pending > maxPending) this.#overflow();
    } else if (message.event === "phx_leave") {
      this.#reply(message, "ok", {});
    } else {
      this.#reply({ ...message, joinRef: null }, "error", { reason: "unmatched topic" });
    }
  }

  async #join(message: Incoming, former: Channel | undefined): Promise<void> {
    former?.end();
    this.#channels.delete(message.topic);
    const closing = former
      ? encodePush(this.version, former.joinRef, former.joinRef, message.topic, "phx_close", "{}")
      : undefined;
    try {
      this.#context.faults?.join();
      const joined = await checkJoin(message, this.#channels.size, this, this.#context);
      if (this.#socket.readyState !== this.#socket.OPEN) return;
      const change: Json[] = joined.request.legacy
        ? [{ id: legacyId(joined.name), ...legacyChange(joined.name) }]
        : [];
      this.#reply(message, "ok", { postgres_changes: change });
      if (closing) this.#transmit(closing);
      // As on Supabase's server, the user counts until the socket closes, even without any channel.
      this.#context.users.add(this);
      const channel = new Channel(message.joinRef, joined, this, this.#context);
      this.#channels.set(message.topic, channel);
      pushOpening(channel, joined.replayed);
    } catch (error) {
      await this.#refuse(message, error);
      if (closing) this.#transmit(closing);
      // Waiting frames are no longer sent, because the request to disconnect came before them.
      if (error instanceof JoinError && error.disconnect) this.close(1001);
    }
  }

  async #refuse(message: Incoming, error: unknown): Promise<void> {
    const { limits, log } = this.#context;
    if (!(error instanceof JoinError))
      log.error("A join failed.", { topic: message.topic, problem: String(error) });
    const reason = error instanceof JoinError ? error.message : "Unknown Error on Channel";
    const atOnce = error instanceof JoinError && error.atOnce;
    if (!atOnce)
      await new Promise((resolve) => setTimeout(resolve, limits.joinErrorBackoffMs).unref());
    this.#reply(message, "error", { reason });
  }

  #reply(to: Incoming, status: "ok" | "error", response: Json): void {
    this.#transmit(encodeReply(this.version, to, status, response));
  }
}

/** A number for a legacy subscription. The client sees this number, but cannot use it. */
function legacyId(name: string): number {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 134_217_728;
  return hash;
}
