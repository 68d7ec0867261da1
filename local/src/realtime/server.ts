import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { ProjectKeys } from "../keys.ts";
import type { Logger } from "../log.ts";
import type { Tokens } from "../tokens.ts";
import type { Context } from "./context.ts";
import { createAuthenticate } from "./credentials.ts";
import { openDatabase, type StoredMessage } from "./database.ts";
import { Faults, type RealtimeFaults } from "./faults.ts";
import { Hub, topicKey, userMessage } from "./hub.ts";
import {
  freePlan,
  payloadTooLarge,
  RateCounter,
  type Rates,
  type RealtimeLimits,
} from "./limits.ts";
import { Presence } from "./presence.ts";
import { handlePlain, handleRest } from "./rest.ts";
import { RealtimeSocket } from "./socket.ts";
import { checkHandshake, refuseUpgrade } from "./upgrade.ts";

/** A project's Realtime under `/realtime/v1`. */
export interface Realtime {
  /** The REST endpoints. Paths begin with `/realtime/v1`. */
  fetch(request: Request): Promise<Response>;
  /** Takes over the socket of a WebSocket request to `/realtime/v1/websocket`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Whether somebody listens to the topic of one of these messages. */
  heard(messages: StoredMessage[]): boolean;
  /**
   * Sends messages from the database to listeners. Messages over the project's rate are dropped.
   */
  publish(messages: StoredMessage[]): void;
  /** `down` while this server does not get the messages that are inserted into the database. */
  health(): { state: "ok" | "down"; connections: number; channels: number };
  /**
   * Acts as if the project's settings had changed: its channels are notified, and its sockets are
   * closed with 1012.
   */
  reload(): void;
  /** Closes every socket with 1012, then the connections to the database. */
  close(): Promise<void>;
}

export interface RealtimeOptions {
  /** The URL of supabase_admin. */
  databaseUrl: string;
  tokens: Tokens;
  keys: ProjectKeys;
  /** Limits that differ from the Free plan's. */
  limits?: Partial<RealtimeLimits>;
  /** Faults to inject, to test a client. None by default. */
  faults?: RealtimeFaults;
  log: Logger;
}

const closingMs = 1_000;

/** Starts the Realtime server of a project. Its database must be bootstrapped. */
export async function createRealtime(options: RealtimeOptions): Promise<Realtime> {
  const limits = { ...freePlan, ...options.limits };
  const { log } = options;
  const hub = new Hub();
  const rates: Rates = {
    messages: new RateCounter(limits.messagesPerSecond, limits),
    joins: new RateCounter(limits.joinsPerSecond, limits),
    presence: new RateCounter(limits.presencePerSecond, limits),
  };
  const context: Context = {
    limits,
    rates,
    hub,
    presence: new Presence(),
    users: new Set(),
    database: await openDatabase(options.databaseUrl, log, publishStored),
    authenticate: createAuthenticate(options.tokens, options.keys),
    faults: options.faults && new Faults(options.faults),
    log,
  };
  const sockets = new Set<RealtimeSocket>();
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.frameBytes,
    perMessageDeflate: false,
  });
  const idleCheck = setInterval(
    () => {
      for (const socket of sockets) socket.closeIfIdle();
    },
    Math.max(10, limits.idleTimeoutMs / 10),
  );
  idleCheck.unref();
  let closing = false;

  function publishStored(messages: StoredMessage[]): void {
    for (const { id, topic, event, private: isPrivate, payload, binary } of messages) {
      if (rates.messages.reached) {
        log.warn("Database broadcasts over the limit were dropped.", { topic });
        return;
      }
      if (payloadTooLarge(binary?.length ?? Buffer.byteLength(payload ?? ""), limits)) {
        log.warn("A database broadcast over the payload limit was dropped.", { topic });
        continue;
      }
      rates.messages.add();
      const message = binary
        ? { event, encoding: "binary" as const, payload: binary }
        : { event, encoding: "json" as const, payload: Buffer.from(payload ?? "null") };
      hub.publish(topicKey(topic, isPrivate), userMessage(topic, message, id));
    }
  }

  async function open(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const checked = await checkHandshake(request, context);
    if ("status" in checked) {
      if (checked.waits)
        await new Promise((resolve) => setTimeout(resolve, limits.connectErrorBackoffMs).unref());
      return refuseUpgrade(socket, checked.status, checked.error);
    }
    if (closing) return refuseUpgrade(socket, 503, undefined);
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const opened = new RealtimeSocket(webSocket, context, checked);
      sockets.add(opened);
      webSocket.on("close", () => sockets.delete(opened));
    });
  }

  return {
    fetch: (request) =>
      request.method === "GET" && new URL(request.url).pathname.endsWith("/websocket")
        ? handlePlain(request, context)
        : handleRest(request, context),

    upgrade(request, socket, head) {
      socket.on("error", () => socket.destroy());
      open(request, socket, head).catch((error: unknown) => {
        log.error("A connection could not be opened.", { problem: String(error) });
        socket.destroy();
      });
    },

    heard: (messages) =>
      messages.some(({ topic, private: isPrivate }) => hub.has(topicKey(topic, isPrivate))),

    publish: publishStored,

    health: () => ({
      state: context.database.listening ? "ok" : "down",
      connections: sockets.size,
      channels: [...sockets].reduce((sum, socket) => sum + socket.channels, 0),
    }),

    reload() {
      for (const socket of sockets) socket.reload();
    },

    async close() {
      closing = true;
      clearInterval(idleCheck);
      for (const socket of sockets) socket.close(1012);
      const deadline = Date.now() + closingMs;
      while (sockets.size > 0 && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 10));
      for (const socket of sockets) socket.terminate();
      await context.database.close();
    },
  };
}
