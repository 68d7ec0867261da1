/** The debug streams in a tail. */

import type { DebugRecord, DebugWatch } from "@mayfly/sdk";
import { list, withId } from "@mayfly/sdk/contract/answer-form";
import { type DebugCategory, debugCategories, debugLevels } from "@mayfly/sdk/contract/debug";
import { fromDataApi } from "@mayfly/sdk/internal";
import type { AgentNames } from "./agent-names.ts";
import { dataOf } from "./failure.ts";
import { isUuid } from "./format-values.ts";
import type { InOrder } from "./in-order.ts";
import type { Project } from "./project.ts";
import type { Level, TailRecord } from "./records.ts";

export interface DebugTailOptions {
  /** The agent's id. Without it, every agent is watched. */
  agent?: string | undefined;
  level: Level;
  category?: string[];
  since?: Date;
}

/**
 * A watch for the requested records. Null if no debug records are requested, or if the caller may
 * not see them.
 */
export async function watchDebug(
  project: Project,
  options: DebugTailOptions,
  onError: (error: unknown) => void,
  take: (record: DebugRecord) => void,
): Promise<DebugWatch | null> {
  const { agent, level, category, since } = options;
  const categories = category?.filter((word): word is DebugCategory =>
    (debugCategories as readonly string[]).includes(word),
  );
  if (level === "silent" || categories?.length === 0) return null;
  const { data, error } = await project.mayfly.debug.watch(
    {
      level,
      onError,
      ...(categories && { categories }),
      ...(agent && { agent }),
      ...(since && { since }),
    },
    take,
  );
  if (error) onError(error);
  return data;
}

/** The id of a living agent, by its id or name. Undefined if there is none. */
export async function livingId(
  { mayfly, tenant }: Project,
  agent: string,
): Promise<string | undefined> {
  const rows = dataOf(
    fromDataApi(
      await mayfly.client
        .from("agents")
        .select("id")
        .eq("tenant_id", tenant.id)
        .eq(isUuid(agent) ? "id" : "name", agent)
        .in("status", ["running", "suspended"])
        .limit(1),
      list(withId),
    ),
  );
  return rows[0]?.id;
}

function recordOf(record: DebugRecord, name: string | null): TailRecord {
  const { agentId, level, category, data, durationMs, dropped, at } = record;
  const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
  return {
    at: at.toISOString(),
    level: debugLevels[level] ?? "trace",
    category,
    name: record.name,
    agent: { id: agentId, name },
    subject: null,
    data: {
      ...(isObject ? data : data !== null && { data }),
      ...(durationMs !== null && { duration_ms: durationMs }),
      ...(dropped > 0 && { dropped }),
    },
  };
}

/** Shows debug records in their place between the events, both in the history and live. */
export class ToldRecords {
  readonly #names: AgentNames;
  readonly #show: (records: TailRecord[]) => Promise<void>;
  readonly #inOrder: InOrder;
  readonly #onError: (error: unknown) => void;
  readonly #waiting: DebugRecord[] = [];
  #live = false;

  constructor(
    names: AgentNames,
    show: (records: TailRecord[]) => Promise<void>,
    inOrder: InOrder,
    onError: (error: unknown) => void,
  ) {
    this.#names = names;
    this.#show = show;
    this.#inOrder = inOrder;
    this.#onError = onError;
  }

  readonly take = (record: DebugRecord): void => {
    if (this.#live) void this.#add([record]);
    else this.#waiting.push(record);
  };

  /** Call this when the history has ended. */
  goLive(): void {
    this.#live = true;
    void this.#add(this.#waiting.splice(0));
  }

  /** Shows the records up to this time. */
  async showUntil(instant: number): Promise<void> {
    const later = this.#waiting.findIndex(({ at }) => at.getTime() > instant);
    const due = this.#waiting.splice(0, later < 0 ? this.#waiting.length : later);
    if (due.length > 0) await this.#show(await this.#named(due));
  }

  async #add(records: DebugRecord[]): Promise<void> {
    await this.#named(records).then((named) => this.#inOrder.add(named), this.#onError);
  }

  async #named(records: DebugRecord[]): Promise<TailRecord[]> {
    await this.#names.learn(records.map(({ agentId }) => agentId));
    return records.map((record) => recordOf(record, this.#names.of(record.agentId)));
  }
}
