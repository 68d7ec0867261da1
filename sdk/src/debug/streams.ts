import { type DebugLevel, levelOf } from "../contract/debug.ts";
import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import type { Log } from "../log/log.ts";
import { debugSetting } from "./answers.ts";
import { type ListDebug, listKept } from "./list.ts";
import type { DebugRecord } from "./record.ts";
import { DebugWatcher } from "./watch.ts";
import type { DebugHandler, DebugWatch, DebugWatchOptions } from "./watch-types.ts";

/** Which debug records the tenant stores. */
export interface DebugPersistence {
  persist: boolean;
  /** Up to this level. */
  level: DebugLevel;
  /**
   * How many records each agent may store in a minute. More records wait in its buffer and are stored later, as
   * long as they fit.
   */
  maxRecordsPerMinute: number;
  /** How long they are kept. */
  keepSeconds: number;
}

/** The debug streams of the tenant's agents. */
export class DebugStreams {
  readonly #link: Link;
  readonly #log: Log;
  readonly #watchers = new Set<DebugWatcher>();

  /** @internal */
  constructor(link: Link, log: Log) {
    this.#link = link;
    this.#log = log;
  }

  /**
   * Watches what agents report about their work, until `stop()`. Agents send nothing until somebody watches.
   * Needs `debug:read`, and for all agents also `agent:read` and `memory:read`, because it follows the log. If
   * a slow connection or a busy agent drops records, they are counted, but the watch does not wait for them.
   *
   * @returns `agent_unknown`, `scope_missing`, `tenant_unknown`, `unavailable`.
   * @example
   * const { data: watch } = await mayfly.debug.watch({ level: "verbose" }, (record) => {
   *   console.log(record.at, record.agentId, record.category, record.name, record.data);
   * });
   * await watch?.change({ level: "trace" });
   * await watch?.stop();
   */
  async watch(options: DebugWatchOptions, handler: DebugHandler): Promise<Result<DebugWatch>> {
    const tenant = this.#link.tenant("A debug stream");
    if (tenant.error) return tenant;
    const watcher = new DebugWatcher(this.#link, tenant.data, options, handler);
    const started = await watcher.start(this.#log);
    if (started.data) this.#watchers.add(watcher);
    return started;
  }

  /**
   * Lists the stored debug records, newest first. Unlike `watch`, it does not switch any records on. Needs
   * `debug:read`.
   *
   * @example
   * const { data: failures } = await mayfly.debug.list({ categories: ["error"], limit: 20 });
   */
  async list(options: ListDebug = {}): Promise<Result<DebugRecord[]>> {
    const tenant = this.#link.tenant("A debug stream");
    return tenant.error ? tenant : listKept(this.#link, tenant.data, options);
  }

  /** @internal Stops watching. */
  async close(): Promise<void> {
    await Promise.all([...this.#watchers].map((watcher) => watcher.stop()));
    this.#watchers.clear();
  }

  /**
   * Sets which debug records the tenant stores in `mayfly.debug_records`. Living agents learn of it at
   * once. For admins and owners. Settings that you leave out stay as they are. By default, nothing is
   * stored.
   *
   * @returns the current settings. Errors: `scope_missing`, `invalid_request`.
   * @example
   * await mayfly.debug.persist({ persist: true, level: "detailed", keepSeconds: 86_400 });
   */
  async persist(setting: Partial<DebugPersistence>): Promise<Result<DebugPersistence>> {
    const { persist, level, maxRecordsPerMinute, keepSeconds } = setting;
    const answer = await this.#link.rpc(
      "set_debug",
      {
        ...(persist !== undefined && { persist }),
        ...(level !== undefined && { level: levelOf(level) }),
        ...(maxRecordsPerMinute !== undefined && { max_records_per_minute: maxRecordsPerMinute }),
        ...(keepSeconds !== undefined && { keep: keepSeconds }),
      },
      debugSetting,
    );
    if (answer.error) return answer;
    const now = answer.data;
    return ok({
      persist: now.persist,
      level: now.level,
      maxRecordsPerMinute: now.max_records_per_minute,
      keepSeconds: now.keep,
    });
  }
}
