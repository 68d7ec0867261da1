import type { MayflyError, Result } from "../contract/errors.ts";
import { ok } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { Backoff, passes } from "../link/retry.ts";
import { listenForNudges } from "./nudges.ts";
import { type LogRead, readLog, unite, type Want } from "./page.ts";
import { Pace } from "./pull-timing.ts";
import { LogReader } from "./reader.ts";

/** A watcher that has read everything so far and gets new pages. */
export interface Member {
  readonly want: Want;
  readonly pollMs: number;
  readonly followMs: number | null;
  /** Where the log continues for this watcher. */
  readonly cursor: string;
  /** Handles a page. When this resolves, the watcher has room for the next page. */
  offer(page: LogRead): Promise<void>;
  /**
   * Called when the watcher gets no more pages, because it had no room, or because a read that it needs was
   * refused. From then on it reads on its own.
   */
  detach(): void;
  tell(error: MayflyError): void;
}

/**
 * A watcher that takes longer than this to handle a page, while more pages are waiting, reads on its own.
 */
const patienceMs = 1_000;

/**
 * Reads the log once for all watchers of a connection. After each nudge, it pulls once for all of
 * them. Nothing is queued: a watcher that is not ready for a page reads on its own from its cursor,
 * and joins again later.
 */
export class LogFeed {
  readonly #link: Link;
  readonly #tenant: string;
  readonly #members = new Set<Member>();
  readonly #busy = new Set<Member>();
  readonly #pace = new Pace();
  readonly #reader = new LogReader(this.#pace, (error) => this.#tell(error));
  #cursor = "";
  /** Stops reading the log. Undefined while nobody needs the log to be read. */
  #end: (() => Promise<void>) | undefined;
  /** Called when a member has room again. */
  #roomy: () => void = () => {};
  /**
   * Allows one read at a time. A member joins between two rounds, when all members have read
   * equally far.
   */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(link: Link, tenant: string) {
    this.#link = link;
    this.#tenant = tenant;
  }

  /**
   * Returns the next page that a member has not read yet, if there is one. If nothing follows this page,
   * the member has caught up with the others and is added. It then calls `ready` when it has handled the
   * page.
   */
  enter(member: Member): Promise<Result<{ page: LogRead | null; entered: boolean }>> {
    return this.#inTurn(async () => {
      let page: LogRead | null = null;
      if (this.#members.size === 0) this.#cursor = member.cursor;
      else if (member.cursor !== this.#cursor) {
        const { data, error } = await readLog(this.#link, member.cursor, member.want);
        if (error) return { data: null, error };
        page = data;
      }
      if (page?.more) return ok({ page, entered: false });
      this.#members.add(member);
      this.#busy.add(member);
      this.#pace.pollMs = Math.min(...[...this.#members].map(({ pollMs }) => pollMs));
      this.#follow();
      if (!this.#end) void this.#run();
      return ok({ page, entered: true });
    });
  }

  /** Called when the member has room for the next page. */
  ready(member: Member): void {
    this.#busy.delete(member);
    this.#roomy();
  }

  /** Removes a member. If it was the last one, this resolves when the topics have been left. */
  async leave(member: Member): Promise<void> {
    this.#members.delete(member);
    this.#follow();
    this.ready(member);
    if (this.#members.size === 0) await this.#end?.();
  }

  /** Sets how often to pull after a nudge: at the shortest interval that any member wants. */
  #follow(): void {
    const wanted = [...this.#members].flatMap(({ followMs }) => followMs ?? []);
    this.#pace.followMs = wanted.length > 0 ? Math.min(...wanted) : null;
  }

  async #run(): Promise<void> {
    let runs = true;
    // The first member has just read the log.
    this.#pace.pulls();
    const unlisten = this.#link.attendance.add(this.#reader);
    // When the topics are joined, the reader pulls again, because it got no nudge for earlier events.
    const quiet = listenForNudges(this.#link, this.#tenant, this.#reader);
    this.#end = () => {
      runs = false;
      this.#end = undefined;
      this.#pace.wake();
      this.#roomy();
      unlisten();
      this.#reader.onJoined(false);
      return quiet();
    };
    const backoff = new Backoff();
    while (runs) {
      await this.#pace.untilDue(() => !runs);
      // Do not pull if nobody has room.
      while (runs && this.#busy.size === this.#members.size)
        await new Promise<void>((resolve) => {
          this.#roomy = resolve;
        });
      if (!runs) return;
      const error = await this.#inTurn(() => this.#round());
      if (!error) backoff.reset();
      else if (passes(error)) {
        this.#tell(error);
        await this.#pace.sleep(backoff.next(error) ?? 0);
        this.#pace.ask();
      } else for (const member of [...this.#members]) this.#detach(member);
    }
  }

  /** Pulls until there is no more. */
  async #round(): Promise<MayflyError | null> {
    for (let more = true; more && this.#members.size > 0; ) {
      this.#reader.pulls();
      const want = unite([...this.#members].map((member) => member.want));
      const { data: page, error } = await readLog(this.#link, this.#cursor, want);
      if (error) return error;
      this.#cursor = page.cursor;
      this.#reader.pulled(page, want.types === null);
      const handled = [...this.#members].map((member) => this.#offer(member, page));
      more = page.more;
      if (more) await settledWithin(patienceMs, Promise.all(handled));
    }
    return null;
  }

  async #offer(member: Member, page: LogRead): Promise<void> {
    if (this.#busy.has(member)) return this.#detach(member);
    this.#busy.add(member);
    await member.offer(page);
    this.ready(member);
  }

  #detach(member: Member): void {
    void this.leave(member);
    member.detach();
  }

  #tell(error: MayflyError): void {
    for (const member of this.#members) member.tell(error);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(work);
    this.#turn = run.catch(() => {});
    return run;
  }
}

async function settledWithin(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
