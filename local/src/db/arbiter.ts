/**
 * Gives every wire client a session of its own on PGlite's single backend session.
 *
 * - A client owns the backend from its first message until ReadyForQuery reports idle. The others
 *   wait in order, so transactions never interleave.
 * - When another client gets its turn, everything session-level is cleared and that client's own
 *   settings, role and SQL-level prepared statements are restored (0.3 ms). When the same client
 *   continues, nothing happens. The arbiter reads from a statement's text what the statement may
 *   have changed, and captures those changes (3 ms) before the next client's turn. It does not see
 *   settings that a function changes. Such settings are lost when the next client gets its turn, and
 *   never reach that client.
 * - Temporary tables, session-level advisory locks and cursors WITH HOLD cannot be carried over. A
 *   client that has one of these keeps the backend (is pinned) until it releases all of them, or
 *   disconnects.
 * - An owner that is in a transaction or pinned can be idle while others wait. After
 *   `idleInTransactionTimeoutMs`, it is disconnected with 25P03, and its transaction is rolled back.
 * - `lastval` and `currval` do not outlive another client's turn. `pg_backend_pid()` is the same for
 *   all clients.
 * - A running statement cannot be cancelled, but a statement that waits for its turn can (57014).
 */
import type { Logger } from "../log.ts";
import { readAnswer } from "./answer.ts";
import type { Backend } from "./backend.ts";
import type { Client } from "./client.ts";
import { blocking, unrestorable } from "./endings.ts";
import { commitPrepared, Holds, mayPassHolds } from "./holds.ts";
import { Listeners } from "./listeners.ts";
import { login } from "./login.ts";
import {
  closeStatement,
  errorResponse,
  IDLE,
  identifier,
  query,
  readyForQuery,
  sync,
} from "./protocol.ts";
import { type Batch, type Rewritten, rewrite } from "./rewrite.ts";
import type { Session } from "./session.ts";
import { Stage } from "./stage.ts";

export interface ArbiterOptions {
  backend: Backend;
  idleInTransactionTimeoutMs: number;
  log: Logger;
}

export class Arbiter {
  readonly #backend: Backend;
  readonly #stage: Stage;
  readonly #log: Logger;
  readonly #timeoutMs: number;
  readonly #listeners = new Listeners();
  /** Prepared transactions of the Data API. While there are any, only the Data API gets turns. */
  readonly holds = new Holds(
    (gid) => this.alone(() => commitPrepared(this.#backend, gid)),
    () => this.#queue.some((entry) => !mayPassHolds(entry)),
  );
  /** Clients that have something to run, and tasks of the arbiter itself, in the order of arrival. */
  #queue: (Client | (() => Promise<void>))[] = [];
  #owner: Client | undefined;
  #running = false;
  #stopped = false;
  #idleTimer: NodeJS.Timeout | undefined;
  /** The owner's transaction status, and whether a Sync is due. */
  #status = IDLE;
  #syncDue = false;
  #failed = false;
  #pendingListens: Rewritten["listens"] = [];

  constructor(options: ArbiterOptions) {
    this.#backend = options.backend;
    this.#stage = new Stage(options.backend);
    this.#timeoutMs = options.idleInTransactionTimeoutMs;
    this.#log = options.log;
  }

  /**
   * Call this for a client that has passed the password check. When the client's turn comes, it is
   * told that its session is ready.
   */
  welcome(client: Client, parameters: Map<string, string>): void {
    this.#enqueue(async () => {
      const session = await login(this.#backend, client, parameters, await this.#stage.leave());
      if (session && !client.closed) {
        client.session = session;
        this.#stage.entered(session);
        this.ready(client);
      }
    });
  }

  /** Called when a client has a batch to run, or room for answers. */
  ready(client: Client): void {
    if (client.session && client !== this.#owner && client.isReady) {
      if (!this.#queue.includes(client)) this.#queue.push(client);
    }
    this.#pump();
  }

  /** Called when a client has disconnected. */
  gone(client: Client): void {
    const inTurn = this.#running && client === this.#owner;
    if (client.session && !client.isReady && !inTurn) this.#forget(client);
  }

  /** Cancels the client's waiting statements. A running statement cannot be reached in PGlite. */
  cancel(client: Client): void {
    if (client === this.#owner || !this.#queue.includes(client)) {
      this.#log.debug("A running statement cannot be cancelled in the embedded database.");
      return;
    }
    const batch = client.takeBatch();
    if (!batch || batch.terminate) return;
    const message = "canceling statement due to user request";
    client.write([errorResponse({ severity: "ERROR", sqlstate: "57014", message })]);
    this.#skipped(client, batch);
  }

  /** Runs work of this program itself between two transactions of clients. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#enqueue(async () => {
        await this.#backend.run(query(await this.#stage.leave()));
        await work().then(resolve, reject);
      });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    clearTimeout(this.#idleTimer);
  }

  get running(): boolean {
    return this.#running;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#queue.push(work);
    this.#pump();
  }

  #pump(): void {
    if (this.#running || this.#stopped) return;
    this.#watchOwner();
    const next = this.#owner
      ? this.#owner.isReady
        ? this.#owner
        : undefined
      : this.holds.next(this.#queue);
    if (!next) return;
    this.#running = true;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    const turn = typeof next === "function" ? next() : this.#turn(next);
    turn
      .catch((error: unknown) => {
        if (!this.#stopped)
          this.#log.error("The database's turn failed.", { error: String(error) });
      })
      .finally(() => {
        this.#running = false;
        if (typeof next !== "function") {
          if (next.closed && !next.isReady) this.#forget(next);
          else this.ready(next);
        }
        this.#pump();
      });
  }

  /** If an owner does nothing while others wait, its connection is ended after the timeout. */
  #watchOwner(): void {
    const owner = this.#owner;
    if (!owner || owner.isReady || this.#queue.length === 0 || this.#idleTimer) return;
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = undefined;
      if (this.#running || this.#owner !== owner) return;
      const held = owner.session?.pinned ? "holding session-level state" : "idle in a transaction";
      owner.fatal(blocking(held, this.#timeoutMs));
      this.#log.warn("A database client was disconnected for blocking others.", { held });
    }, this.#timeoutMs);
  }

  async #turn(client: Client): Promise<void> {
    const batch = client.takeBatch();
    const { session } = client;
    if (!batch || !session) return;
    if (batch.terminate) {
      client.end();
      this.#forget(client);
      return;
    }
    if (client.skipping) {
      this.#skipped(client, batch);
      return;
    }
    this.#owner = client;
    const settled = this.#status === IDLE && !this.#syncDue;
    const prologue = await this.#stage.prologue(session, settled);
    const sent = this.#rewritten(client, session, batch);
    if (!sent) return;
    const reply = await this.#stage.run(session, sent.bytes, prologue);
    if (!reply.body) {
      client.fatal(unrestorable(reply.prologue));
      return;
    }
    await this.#answered(client, session, sent, reply.body);
  }

  #rewritten(client: Client, session: Session, batch: Batch): Rewritten | undefined {
    try {
      return rewrite(session, this.#stage.hasUnnamedOf(session), batch);
    } catch {
      client.fatal({ sqlstate: "08P01", message: "invalid message format" });
      return undefined;
    }
  }

  async #answered(client: Client, session: Session, sent: Rewritten, body: Buffer): Promise<void> {
    const answer = readAnswer(body, sent);
    this.#status = answer.status ?? this.#status;
    this.#syncDue = !sent.answered;
    this.#failed ||= answer.failed;
    this.#pendingListens.push(...sent.listens);
    const settled = this.#status === IDLE && !this.#syncDue;
    if (settled) this.#settleListens(client, answer.lastTag);
    const own = this.#listeners.route(answer.notifications, client);
    if (settled && session.suspect) await this.#stage.inspectResidue(session);
    const ready = sent.answered ? [readyForQuery(this.#status)] : [];
    client.write([...answer.parts, ...own, ...ready]);
    this.#dropLater(sent.orphans);
    if (!settled) return;
    this.#failed = false;
    if (!session.pinned) this.#owner = undefined;
  }

  /** Applies LISTEN and UNLISTEN, once their transaction has committed. */
  #settleListens(client: Client, lastTag: string): void {
    const rolledBack = lastTag === "ROLLBACK" || (this.#failed && lastTag !== "COMMIT");
    const changes = this.#pendingListens;
    this.#pendingListens = [];
    if (changes.length === 0 || rolledBack) return;
    this.#unlistenLater(this.#listeners.change(client, changes));
  }

  #skipped(client: Client, batch: Batch): void {
    client.skipping = !batch.answered;
    if (batch.answered) client.write([readyForQuery(IDLE)]);
  }

  /** Cleans up after a client that has left, and ends its transaction if it had one. */
  #forget(client: Client): void {
    const { session } = client;
    this.#queue = this.#queue.filter((entry) => entry !== client);
    if (!session) return;
    client.session = undefined;
    session.dirty = false;
    this.#unlistenLater(this.#listeners.remove(client));
    this.#dropLater([...session.statements.values()].map(({ real }) => real));
    if (this.#owner !== client) return;
    const owed = [...(this.#syncDue ? [sync] : []), query("rollback")];
    const inTransaction = this.#syncDue || this.#status !== IDLE;
    this.#status = IDLE;
    this.#syncDue = false;
    this.#failed = false;
    this.#pendingListens = [];
    this.#owner = undefined;
    if (inTransaction) {
      // This must come before every other turn, because the next client must not be in this
      // transaction.
      this.#queue.unshift(async () => {
        for (const bytes of owed) await this.#stage.runOwn(bytes);
      });
    }
    this.#pump();
  }

  #dropLater(statements: string[]): void {
    if (statements.length === 0) return;
    this.#enqueue(async () => {
      await this.#backend.run(Buffer.concat([...statements.map(closeStatement), sync]));
    });
  }

  #unlistenLater(channels: string[]): void {
    if (channels.length === 0) return;
    this.#enqueue(async () => {
      const unheard = channels.filter((channel) => !this.#listeners.has(channel));
      if (unheard.length === 0) return;
      await this.#stage.runOwn(query(unheard.map((c) => `unlisten ${identifier(c)};`).join("")));
    });
  }
}
