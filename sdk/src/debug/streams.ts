import { type DebugLevel, levelOf } from "../contract/debug.ts";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { fromDataApi, type MayflyClient } from "../link/call.ts";
import type { StartLogWatch } from "../state/watch.ts";
import { debugSetting } from "./answers.ts";
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
  readonly #client: MayflyClient;
  readonly #tenant: string | undefined;
  readonly #startLog: StartLogWatch;
  readonly #watchers = new Set<DebugWatcher>();

  /** @internal */
  constructor(client: MayflyClient, tenant: string | undefined, startLog: StartLogWatch) {
    this.#client = client;
    this.#tenant = tenant;
    this.#startLog = startLog;
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
    if (!this.#tenant) return failed(noTenant());
    const watcher = new DebugWatcher(this.#client, this.#tenant, options, handler);
    const started = await watcher.start(this.#startLog);
    if (started.data) this.#watchers.add(watcher);
    return started;
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
    const answer = fromDataApi(
      await this.#client.rpc("set_debug", {
        ...(persist !== undefined && { persist }),
        ...(level !== undefined && { level: levelOf(level) }),
        ...(maxRecordsPerMinute !== undefined && { max_records_per_minute: maxRecordsPerMinute }),
        ...(keepSeconds !== undefined && { keep: keepSeconds }),
      }),
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

const noTenant = () =>
  new MayflyError({
    code: "tenant_unknown",
    message: "Debug streams belong to a tenant.",
    hint: "Give new Mayfly({ tenant }) the id of one.",
    details: null,
  });
