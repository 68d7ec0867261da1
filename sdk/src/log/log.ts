import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { startWatch, type Watch, type WatchHandler, type WatchOptions } from "./watch.ts";

/** What happens in the tenant, as the caller sees it. */
export class Log {
  readonly #link: Link;
  readonly #watches = new Set<Watch>();

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Hands over what happens in the tenant, until `stop()` or the end of the caller: each event once,
   * none missed, whatever the connection does. See {@link WatchOptions}.
   *
   * @returns `unavailable`, `not_authorized`, `cursor_invalid`, `tenant_unknown`.
   * @example
   * const { data: watch } = await mayfly.log.watch({ types: ["agent.*"] }, async ({ events, cursor }) => {
   *   for (const { type, subject } of events) console.log(type, subject);
   *   await keep(cursor);
   * });
   */
  async watch(options: WatchOptions, handler: WatchHandler): Promise<Result<Watch>> {
    const tenant = this.#link.tenant("A log");
    if (tenant.error) return tenant;
    const started = await startWatch(this.#link, tenant.data, options, handler);
    if (started.error) return started;
    const watch = started.data;
    this.#watches.add(watch);
    void watch.ended.then(() => this.#watches.delete(watch));
    return ok(watch);
  }

  /** @internal A pull behind the end would be refused, and its watch end by that. */
  async finish(): Promise<null> {
    await this.close();
    return null;
  }

  /** @internal Stops what watches. */
  async close(): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch.stop()));
  }
}
