import { type DebugLevel, levelOf } from "../contract/debug.ts";
import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import type { Log } from "../log/log.ts";
import { debugSetting } from "./answers.ts";
import { type ListDebug, listKept } from "./list.ts";
import type { DebugRecord } from "./record.ts";
import { DebugWatcher } from "./watch.ts";
import type { DebugHandler, DebugWatch, DebugWatchOptions } from "./watch-types.ts";

/** Which debug records the tenant keeps. */
export interface DebugPersistence {
  persist: boolean;
  /** Up to this level. */
  level: DebugLevel;
  /** Of one agent. What is more is sent on later, as far as its buffer reaches. */
  maxRecordsPerMinute: number;
  /** For how long. */
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
   * Hears what agents tell of their work, until `stop()`: agents are silent until somebody watches.
   * Needs `debug:read`, and for all agents `agent:read` and `memory:read` (it follows the log). What a
   * slow connection or a busy agent drops is counted, never waited for.
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
   * The debug records that the tenant keeps, the newest first; no agent is asked to tell anything. Needs
   * `debug:read`.
   *
   * @example
   * const { data: failures } = await mayfly.debug.list({ categories: ["error"], limit: 20 });
   */
  async list(options: ListDebug = {}): Promise<Result<DebugRecord[]>> {
    const tenant = this.#link.tenant("A debug stream");
    return tenant.error ? tenant : listKept(this.#link, tenant.data, options);
  }

  /** @internal Watches no more. */
  async close(): Promise<void> {
    await Promise.all([...this.#watchers].map((watcher) => watcher.stop()));
    this.#watchers.clear();
  }

  /**
   * Says which debug records the tenant keeps in `mayfly.debug_records`, and tells the living agents.
   * For its admins and owners. What is left out stays as it is; at first nothing is kept.
   *
   * @returns what holds now; `scope_missing`, `invalid_request`.
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
