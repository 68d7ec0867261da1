import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { LogFeed } from "./feed.ts";
import { type EventPage, type ListEvents, listEvents } from "./list.ts";
import { startWatch, type Watch } from "./watch.ts";
import type { RoomBatch, RoomWatchOptions, WatchHandler, WatchOptions } from "./watch-types.ts";

/** The log of the tenant, as the caller sees it. */
export class Log {
  readonly #link: Link;
  #feed: LogFeed | undefined;
  readonly #watches = new Set<Watch>();

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Calls the handler with what happens in the tenant, until you call `stop()` or the caller ends. Each event
   * arrives once and none is missed, even if the connection drops. See {@link WatchOptions}.
   *
   * @returns `unavailable`, `not_authorized`, `cursor_invalid`, `tenant_unknown`.
   * @example
   * const { data: watch } = await mayfly.log.watch({ types: ["agent.*"] }, async ({ events, cursor }) => {
   *   for (const { type, subject } of events) console.log(type, subject);
   *   await keep(cursor);
   * });
   */
  watch(options: WatchOptions, handler: WatchHandler): Promise<Result<Watch>> {
    return this.follow(options, ({ states: _states, ...batch }) => handler(batch));
  }

  /**
   * Lists what has happened, newest first, one page at a time, as far back as the log is kept. If
   * you also want everything that happens from now on, start a watch first and then list. An event
   * that is in both has the same `at`.
   *
   * @returns `invalid_request` with the field that is wrong, `tenant_unknown`, `unavailable`.
   * @example
   * const since = new Date(Date.now() - 3_600_000);
   * const { data: page } = await mayfly.log.list({ types: ["agent.*"], since, limit: 500 });
   * for (const { at, type, subject } of page?.events ?? []) console.log(at, type, subject);
   */
  async list(options: ListEvents = {}): Promise<Result<EventPage>> {
    const tenant = this.#link.tenant("A log");
    return tenant.error ? tenant : listEvents(this.#link, tenant.data, options);
  }

  /** @internal A watch for another part of the SDK. */
  async follow(
    options: RoomWatchOptions,
    handler: (batch: RoomBatch) => void | Promise<void>,
  ): Promise<Result<Watch>> {
    const tenant = this.#link.tenant("A log");
    if (tenant.error) return tenant;
    this.#feed ??= new LogFeed(this.#link, tenant.data);
    const started = await startWatch(this.#link, this.#feed, options, handler);
    if (started.error) return started;
    const watch = started.data;
    this.#watches.add(watch);
    void watch.ended.then(() => this.#watches.delete(watch));
    return ok(watch);
  }

  /**
   * @internal Stops before the caller ends. Otherwise a later pull would be refused and end the watch with an
   * error.
   */
  async finish(): Promise<null> {
    await this.close();
    return null;
  }

  /** @internal Stops every watch. */
  async close(): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch.stop()));
  }
}
