import { Access } from "./access.ts";
import type { Connection, Context } from "./context.ts";
import { type Credential, CredentialError } from "./credentials.ts";
import {
  type Outgoing,
  type Subscriber,
  type TopicKey,
  textMessage,
  topicKey,
  userMessage,
} from "./hub.ts";
import type { JoinRequest } from "./join.ts";
import { isToken, type Joined } from "./joining.ts";
import { canonical, isObject, type Json, type JsonObject } from "./json.ts";
import { payloadTooLarge } from "./limits.ts";
import { PresenceCalls } from "./presence.ts";
import { encodePush, encodeReply, type Incoming } from "./serializer.ts";

const hour = 3_600_000;

/** One socket's membership of one topic. */
export class Channel implements Subscriber {
  readonly name: string;
  readonly topic: string;
  readonly joinRef: Json;
  readonly request: JoinRequest;
  readonly connection: Connection;
  readonly context: Context;
  readonly key: TopicKey;
  #access: Access | undefined;
  #token: string;
  #presenceEnabled: boolean;
  #presenceCalls: PresenceCalls;
  /** The tracked state, as canonical JSON. */
  #tracked: string | undefined;
  #replayed: Set<string>;
  #expiry: NodeJS.Timeout | undefined;
  #expiresAt = 0;
  #work: Promise<void> = Promise.resolve();
  #pending = 0;
  #closed = false;

  constructor(joinRef: Json, joined: Joined, connection: Connection, context: Context) {
    this.name = joined.name;
    this.topic = `realtime:${joined.name}`;
    this.joinRef = joinRef;
    this.request = joined.request;
    this.connection = connection;
    this.context = context;
    this.key = topicKey(joined.name, joined.request.private);
    this.#access = joined.access;
    this.#token = joined.token;
    this.#presenceEnabled = joined.request.presenceEnabled;
    this.#presenceCalls = new PresenceCalls(
      context.limits.presenceCalls,
      context.limits.presenceWindowMs,
    );
    this.#replayed = new Set(joined.replayed.map((message) => message.id));
    this.#expireWith(joined.credential);
    context.hub.subscribe(this.key, this);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How many of the client's frames wait for the database. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether this channel sees who is present. */
  get seesPresence(): boolean {
    return this.#access ? this.#access.read.presence : true;
  }

  /** Handles a client's frame. Frames are handled one at a time and in order. */
  handle(message: Incoming): void {
    this.#enqueue(() => this.#handle(message));
  }

  /** The client leaves: answers ok, then closes the channel. */
  leave(message: Incoming): void {
    this.#enqueue(async () => {
      this.#reply(message, "ok", {});
      this.close();
    });
  }

  /** Sends a message of the topic to the client. Returns false if the client may not read it. */
  deliver(message: Outgoing): boolean {
    if (message.kind === "presence_diff") {
      if (!this.seesPresence) return false;
    } else {
      if (this.#access && !this.#access.read.broadcast) return false;
      if (message.id !== undefined && this.#replayed.has(message.id)) return false;
    }
    const frame = message.encode(this.connection.version);
    const { faults } = this.context;
    if (frame !== undefined && faults && message.kind !== "presence_diff")
      faults.deliver({
        send: () => this.connection.send(frame),
        closeSocket: () => this.connection.terminate(),
        expireToken: () => this.stop("Token has expired 0 seconds ago"),
      });
    else if (frame !== undefined) this.connection.send(frame);
    if (message.kind === "presence_diff") return true;
    const { messages } = this.context.rates;
    messages.add();
    // Messages from the database that exceed the limit were dropped before this, and do not end the
    // channel.
    if (message.id === undefined && messages.reached) this.stop("Too many messages per second");
    return true;
  }

  /** Sends a push of this channel, with its join_ref. `payload` is JSON text. */
  push(event: string, payload: string): void {
    const { connection, joinRef, topic } = this;
    connection.send(encodePush(connection.version, joinRef, null, topic, event, payload));
  }

  system(status: "ok" | "error", message: string, extension = "system"): void {
    this.push("system", JSON.stringify({ message, status, extension, channel: this.name }));
  }

  /** The server ends the channel and says why. */
  stop(message: string): void {
    if (this.#closed) return;
    this.system("error", message);
    this.close();
  }

  /** Ends the channel and tells the client. */
  close(): void {
    if (this.#closed) return;
    const { connection, joinRef, topic } = this;
    connection.forget(topic);
    connection.send(encodePush(connection.version, joinRef, joinRef, topic, "phx_close", "{}"));
    this.end();
  }

  /** Ends the channel silently, because its socket is gone or it was joined again. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#expiry);
    this.context.hub.unsubscribe(this.key, this);
    this.#untrack();
  }

  #enqueue(task: () => Promise<void>): void {
    this.#pending++;
    this.#work = this.#work.then(async () => {
      this.#pending--;
      if (this.#closed) return;
      try {
        await task();
      } catch (error) {
        const { log } = this.context;
        log.warn("A Realtime message failed.", { topic: this.name, problem: String(error) });
      }
    });
  }

  async #handle(message: Incoming): Promise<void> {
    // Check here, too, because the timer that ends the channel is late if the machine slept.
    const isExpired = this.#expiresAt <= Date.now() / 1000;
    if (isExpired && !(await this.#authenticated())) return;
    if (message.event === "broadcast") return this.#broadcast(message);
    if (message.event === "presence") return this.#presence(message);
    if (message.event === "access_token") return this.#refresh(message.payload.access_token);
    this.context.rates.messages.add();
  }

  async #broadcast(message: Incoming): Promise<void> {
    // As on Supabase's server, such a broadcast is dropped without an answer.
    if (this.#access && !(await this.#access.askWrite()).broadcast) return;
    if (this.#closed) return;
    const { rates, limits, hub } = this.context;
    rates.messages.add();
    const { userBroadcast } = message;
    const text = userBroadcast ? "" : canonical(message.payload);
    const size = userBroadcast ? userBroadcast.payload.length : Buffer.byteLength(text);
    const tooLarge = payloadTooLarge(size, limits);
    if (!tooLarge) {
      const outgoing = userBroadcast
        ? userMessage(this.name, userBroadcast)
        : textMessage("broadcast", this.name, text);
      hub.publish(this.key, outgoing, this.request.self ? undefined : this);
    }
    if (!this.request.ack) return;
    if (tooLarge) this.#reply(message, "error", "payload_size_exceeded");
    else this.#reply(message, "ok", {});
  }

  async #presence(message: Incoming): Promise<void> {
    const { event, payload = {} } = message.payload;
    if (typeof event !== "string") return this.#reply(message, "ok", {});
    if (!this.#presenceCalls.take()) return this.stop("Client presence rate limit exceeded");
    const kind = event.toLowerCase();
    if (kind === "untrack") {
      this.#untrack();
      return this.#reply(message, "ok", {});
    }
    const mayTrack = kind === "track" && (await this.#mayTrack().catch(() => false));
    if (!mayTrack) return this.#reply(message, "error", {});
    if (!isObject(payload)) {
      const reason = "Presence track payload must be a map";
      return this.#reply(message, "error", { reason });
    }
    if (!this.#closed && this.#track(payload)) this.#reply(message, "ok", {});
  }

  async #mayTrack(): Promise<boolean> {
    if (!this.#access) return true;
    // Tracking enables presence. The join did not ask the policies about presence, so ask now.
    if (!this.#presenceEnabled) await this.#access.askRead(true);
    return (await this.#access.askWrite()).presence;
  }

  /** Returns false if it ended the channel. */
  #track(payload: JsonObject): boolean {
    const { limits, rates, presence } = this.context;
    const text = canonical(payload);
    if (text === this.#tracked) return true;
    if (payloadTooLarge(Buffer.byteLength(text), limits)) {
      this.stop("Track message size exceeded");
      return false;
    }
    if (rates.presence.average > rates.presence.limit) {
      this.stop("Too many presence messages per second");
      return false;
    }
    rates.presence.add();
    this.#presenceEnabled = true;
    this.#tracked = text;
    this.#publishDiff(presence.track(this.key, this.request.presenceKey, this, payload));
    return true;
  }

  #untrack(): void {
    this.#tracked = undefined;
    const diff = this.context.presence.untrack(this.key, this.request.presenceKey, this);
    if (diff !== undefined) this.#publishDiff(diff);
  }

  #publishDiff(diff: string): void {
    const { hub, rates } = this.context;
    rates.presence.add(hub.publish(this.key, textMessage("presence_diff", this.name, diff)));
  }

  async #refresh(token: Json | undefined): Promise<void> {
    if (typeof token !== "string" || !isToken(token) || token === this.#token) return;
    this.#token = token;
    const credential = await this.#authenticated();
    if (!credential || !this.#access) return;
    const { database } = this.context;
    const before = this.#access.read;
    // The old access applies until the new one is known.
    const access = new Access(database, this.name, credential, this.connection.headers);
    const read = await access.askRead(this.#presenceEnabled).catch(() => undefined);
    if (!read) return this.stop("Realtime was unable to connect to the project database");
    this.#access = access;
    if (!read.broadcast && !read.presence)
      this.stop(`You do not have permissions to read from this Channel topic: ${this.name}`);
    else if ((before.broadcast && !read.broadcast) || (before.presence && !read.presence))
      this.stop(`You no longer have permission to read from this Channel topic: ${this.name}`);
  }

  /** Verifies the channel's token. Stops the channel if the token is not valid. */
  async #authenticated(): Promise<Credential | undefined> {
    try {
      const credential = await this.context.authenticate(this.#token);
      if (!this.#closed) this.#expireWith(credential);
      return credential;
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      this.stop(error.message);
      return undefined;
    }
  }

  #expireWith({ expiresAt }: Credential): void {
    clearTimeout(this.#expiry);
    this.#expiresAt = expiresAt;
    const seconds = expiresAt - Math.floor(Date.now() / 1000);
    this.#expiry = setTimeout(
      () => this.#enqueue(async () => void (await this.#authenticated())),
      Math.min(Math.max(seconds, 0) * 1000, hour),
    );
    this.#expiry.unref();
  }

  #reply(to: Incoming, status: "ok" | "error", response: Json): void {
    const { connection, joinRef, topic } = this;
    const address = { joinRef, ref: to.ref, topic };
    connection.send(encodeReply(connection.version, address, status, response));
  }
}
