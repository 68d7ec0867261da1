import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import { Authentication, startupParameters } from "./auth.ts";
import { code, errorResponse, int32, message, type PgError } from "./protocol.ts";
import type { Batch } from "./rewrite.ts";
import type { Verifier } from "./scram.ts";
import type { Session } from "./session.ts";

const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;
const MAX_MESSAGE = 256 << 20;
const MAX_STARTUP = 10_000;
/** Beyond this size, a pipeline without Sync is forwarded piece by piece, and reading pauses. */
const MAX_PENDING = 8 << 20;
const MAX_UNSENT = 16 << 20;
const AUTH_TIMEOUT_MS = 30_000;
const FORWARDED = new Set([..."QPBDECSHF"].map(code));
/**
 * The messages of COPY data. A client may still send them after its COPY was refused. They are then
 * ignored, as by Postgres.
 */
const IGNORED = new Set([..."dcf"].map(code));

export interface ClientEvents {
  verifier(user: string): Verifier | undefined;
  authenticated(client: Client, parameters: Map<string, string>): void;
  /** Called when there is a batch to run, or the client can take answers again. */
  ready(client: Client): void;
  gone(client: Client): void;
  cancel(pid: number, secret: number): void;
}

let lastPid = 1000;

/** One wire connection: reads its bytes into batches, and writes. */
export class Client {
  readonly pid = ++lastPid;
  readonly secret = randomInt(2 ** 31);
  readonly #socket: Socket;
  readonly #events: ClientEvents;
  #chunks: Buffer[] = [];
  #size = 0;
  /** How many bytes the next step needs. Until there are enough, arriving chunks are not joined. */
  #need = 4;
  #phase: "startup" | "password" | "session" = "startup";
  #authentication: Authentication | undefined;
  #parameters = new Map<string, string>();
  #timer: NodeJS.Timeout;
  #pending: Buffer[] = [];
  #pendingSize = 0;
  #batches: Batch[] = [];
  #queuedSize = 0;
  #closed = false;
  /** Set once the client has logged in. */
  session: Session | undefined;
  /** Whether the client's batches are dropped up to the next Sync, because a cancel has ended one. */
  skipping = false;

  constructor(socket: Socket, events: ClientEvents) {
    this.#socket = socket;
    this.#events = events;
    this.#timer = setTimeout(() => this.#socket.destroy(), AUTH_TIMEOUT_MS);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("drain", () => this.#events.ready(this));
    socket.on("error", () => socket.destroy());
    socket.on("end", () => this.#leave());
    socket.on("close", () => this.#leave());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether a batch waits and the client can take its answer. */
  get isReady(): boolean {
    return this.#batches.length > 0 && this.#socket.writableLength < MAX_UNSENT;
  }

  takeBatch(): Batch | undefined {
    const batch = this.#batches.shift();
    if (batch) this.#queuedSize -= batch.bytes.length;
    if (this.#queuedSize < MAX_PENDING && this.#socket.isPaused()) this.#socket.resume();
    return batch;
  }

  write(parts: Buffer[]): void {
    if (this.#socket.destroyed || !this.#socket.writable) return;
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  /** Sends the reason and disconnects. */
  fatal(error: Omit<PgError, "severity">): void {
    this.end(errorResponse({ ...error, severity: "FATAL" }));
  }

  end(last?: Buffer): void {
    if (!this.#socket.destroyed) {
      if (last && this.#socket.writable) this.#socket.write(last);
      this.#socket.end();
      this.#socket.resume();
      setTimeout(() => this.#socket.destroy(), 500).unref();
    }
    this.#leave();
  }

  #leave(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    // If the client has sent a Terminate, the batches before it still run. Otherwise, waiting
    // batches do not run.
    if (this.#batches.at(-1)?.terminate !== true) this.#batches = [];
    this.#events.gone(this);
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#need) return;
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (;;) {
      const taken = this.#phase === "startup" ? this.#startup(bytes) : this.#message(bytes);
      if (taken === 0 || this.#closed) break;
      bytes = bytes.subarray(taken);
    }
    this.#chunks = bytes.length === 0 ? [] : [bytes];
    this.#size = bytes.length;
    if (this.#pendingSize > MAX_PENDING) this.#emit(false);
    if (this.#queuedSize > MAX_PENDING) this.#socket.pause();
  }

  #startup(bytes: Buffer): number {
    this.#need = bytes.length < 4 ? 4 : bytes.readInt32BE(0);
    if (bytes.length < this.#need || bytes.length < 8) return 0;
    const length = this.#need;
    this.#need = 5;
    if (length < 8 || length > MAX_STARTUP) {
      this.#socket.destroy();
      return 0;
    }
    const version = bytes.readInt32BE(4);
    if (version === SSL_REQUEST || version === GSS_REQUEST) {
      this.#need = 4;
      this.#socket.write("N");
    } else if (version === CANCEL_REQUEST) {
      if (length === 16) this.#events.cancel(bytes.readInt32BE(8), bytes.readInt32BE(12));
      this.#socket.end();
    } else this.#hello(version, bytes.subarray(4, length));
    return length;
  }

  #hello(version: number, body: Buffer): void {
    this.#parameters = startupParameters(body);
    const user = this.#parameters.get("user") ?? "";
    if (version >> 16 !== 3) {
      this.fatal({ sqlstate: "0A000", message: "unsupported frontend protocol" });
      return;
    }
    if ((version & 0xffff) > 0) this.write([message("v", int32(0), int32(0))]);
    const replication = this.#parameters.get("replication") ?? "off";
    if (!["off", "false", "0", "no"].includes(replication)) {
      this.fatal({ sqlstate: "0A000", message: "replication is not supported here" });
      return;
    }
    this.#authentication = new Authentication(user, this.#events.verifier(user));
    this.#phase = "password";
    this.write([this.#authentication.request]);
  }

  #message(bytes: Buffer): number {
    this.#need = bytes.length < 5 ? 5 : 1 + bytes.readInt32BE(1);
    if (bytes.length >= 5 && (this.#need < 5 || this.#need > MAX_MESSAGE)) {
      this.fatal({ sqlstate: "08P01", message: "invalid message length" });
      return 0;
    }
    if (bytes.length < this.#need) return 0;
    const length = this.#need;
    this.#need = 5;
    const type = bytes[0] as number;
    const whole = bytes.subarray(0, length);
    if (this.#phase === "password") this.#password(type, whole.subarray(5));
    else this.#enqueue(type, whole);
    return length;
  }

  #password(type: number, body: Buffer): void {
    const step = this.#authentication?.take(type, body);
    if (!step || step.kind === "refused") {
      if (step) this.fatal(step.error);
      return;
    }
    this.write([step.bytes]);
    if (step.kind !== "accepted") return;
    clearTimeout(this.#timer);
    this.#authentication = undefined;
    const database = this.#parameters.get("database") ?? this.#parameters.get("user");
    if (database !== "postgres") {
      this.fatal({ sqlstate: "3D000", message: `database "${database}" does not exist` });
      return;
    }
    this.#phase = "session";
    this.#events.authenticated(this, this.#parameters);
  }

  #enqueue(type: number, whole: Buffer): void {
    if (type === code("X")) {
      this.#push({ bytes: Buffer.alloc(0), answered: false, terminate: true });
      return;
    }
    if (IGNORED.has(type)) return;
    if (!FORWARDED.has(type)) {
      this.fatal({ sqlstate: "08P01", message: `invalid frontend message type ${type}` });
      return;
    }
    this.#pending.push(whole);
    this.#pendingSize += whole.length;
    if (type === code("S") || type === code("Q") || type === code("F")) this.#emit(true);
    else if (type === code("H")) this.#emit(false);
  }

  #emit(answered: boolean): void {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingSize = 0;
    this.#push({ bytes, answered });
  }

  #push(batch: Batch): void {
    this.#batches.push(batch);
    this.#queuedSize += batch.bytes.length;
    this.#events.ready(this);
  }
}
