import type { Backend } from "./backend.ts";
import { firstError, query, rows } from "./protocol.ts";
import { captureSql, clearSql, refreshSql, restoreSql, type Session } from "./session.ts";

type Reply = Awaited<ReturnType<Backend["run"]>>;

const RESIDUE = `select exists (select from pg_catalog.pg_class
      where relnamespace = pg_catalog.pg_my_temp_schema() and relpersistence = 't')
  or exists (select from pg_catalog.pg_cursors where is_holdable)
  or exists (select from pg_catalog.pg_locks where locktype = 'advisory' and pid is not null)`;

/** The backend's single session: to which client it is set, and how it switches to another. */
export class Stage {
  readonly #backend: Backend;
  /** The session to which the backend is set. Undefined after the arbiter's own work. */
  #loaded: Session | undefined;
  /** The session whose unnamed statement the backend has. */
  #unnamedOf: Session | undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Whether the backend's unnamed statement is this session's. */
  hasUnnamedOf(session: Session): boolean {
    return this.#unnamedOf === session;
  }

  /** Call this after a login, which has set the backend to this session. */
  entered(session: Session): void {
    this.#loaded = session;
  }

  /** What must run before the session's next batch. `settled` says that the session is in no transaction. */
  async prologue(session: Session, settled: boolean): Promise<Buffer | undefined> {
    if (this.#loaded !== session) return query((await this.leave()) + restoreSql(session));
    if (!session.stale || !settled) return undefined;
    await this.#capture();
    this.#unnamedOf = undefined;
    return query(refreshSql(session));
  }

  /** Runs a batch of the session. If the reply has no body, the session could not be restored. */
  async run(session: Session, bytes: Buffer, prologue: Buffer | undefined): Promise<Reply> {
    let reply = await this.#runAs(session, bytes, prologue);
    if (!reply.body) {
      // The last client may have left something behind that causes this, so try once more on a cleared
      // session.
      await this.#backend.run(query(clearSql(undefined)));
      const again = query(clearSql(undefined) + restoreSql(session));
      reply = await this.#runAs(session, bytes, again);
    }
    if (!reply.body) return reply;
    if (prologue) session.stale = false;
    this.#loaded = session;
    this.#unnamedOf = session;
    return reply;
  }

  /** Runs one of the arbiter's own statements, which need no change of the session. */
  async runOwn(bytes: Buffer): Promise<void> {
    await this.#backend.run(bytes);
    this.#unnamedOf = undefined;
  }

  /**
   * Stores the state of the loaded session, and returns the SQL that clears it. After this, no
   * session is loaded.
   */
  async leave(): Promise<string> {
    await this.#capture();
    const previous = this.#loaded;
    const sql = clearSql(previous);
    if (previous) previous.locks = false;
    this.#loaded = undefined;
    this.#unnamedOf = undefined;
    return sql;
  }

  /** Whether the session holds something that cannot be carried over. */
  async inspectResidue(session: Session): Promise<void> {
    const { body } = await this.#runAs(session, query(RESIDUE));
    this.#unnamedOf = undefined;
    session.pinned = body !== undefined && rows(body)[0]?.[0] === "t";
    session.suspect = session.pinned;
  }

  /** Reads the settings of the session that is about to leave the backend. */
  async #capture(): Promise<void> {
    const session = this.#loaded;
    if (!session?.dirty) return;
    const { body } = await this.#runAs(session, query(captureSql(session)));
    this.#unnamedOf = undefined;
    if (body && !firstError(body)) session.captured(rows(body));
  }

  /**
   * A statement that runs with a client's search_path may call the client's functions, so it is
   * confined, too.
   */
  #runAs(session: Session, body: Buffer, prologue?: Buffer): Promise<Reply> {
    return session.isSuperuser
      ? this.#backend.run(body, prologue)
      : this.#backend.runConfined(body, prologue);
  }
}
