import { list } from "../contract/answer-form.ts";
import type { Result } from "../contract/errors.ts";
import type { LogEvent } from "../contract/log.ts";
import { fromDataApi } from "../link/call.ts";
import type { Link } from "../link/link.ts";
import type { Log } from "../log/log.ts";
import type { Watch } from "../log/watch.ts";
import { NotPulled } from "../log/watch.ts";
import type { RoomBatch, WatchOptions } from "../log/watch-types.ts";
import { changeRow, tableState } from "./answers.ts";
import type { ChangeRow, StateAction } from "./types.ts";

/** A change of a state, as `watch` delivers it. */
export interface StateChange<T = unknown> {
  id: string;
  /** The key of the state. */
  key: string;
  /** The agent to which the state belongs. Null if it is shared. */
  agentId: string | null;
  version: number;
  /** Undefined if it was deleted. */
  value: T | undefined;
  action: StateAction;
  /** The top-level keys that changed, if the old and the new value are objects. Otherwise null. */
  fields: string[] | null;
  /** The agent or person that changed it. Null for the secret key and for an expiry. */
  by: string | null;
  at: Date;
}

/** Awaited before the next change. If it throws, it is called again with the same change. */
export type StateHandler<T = unknown> = (change: StateChange<T>) => void | Promise<void>;

/** Options of a watch of states, as in `WatchOptions`. */
export type StateWatchOptions = Pick<WatchOptions, "since" | "store" | "pollMs" | "onError">;

/** Small pages, because values have up to 256 KB each. */
const statesPerPage = 20;

const placeOf = ({ subject, version }: LogEvent) => `${subject} ${version}`;

/** Follows the states of one owner in the log. */
export class StateFollower {
  readonly #link: Link;
  readonly #tenant: string;
  readonly #owner: string | null;
  readonly #key: string;
  readonly #handler: StateHandler;
  /**
   * The last delivered version of each state. They are needed because a batch arrives again as a whole if
   * its handler failed, and because versions can be missing after a gap in the log.
   */
  readonly #versions = new Map<string, number>();

  constructor(
    link: Link,
    tenant: string,
    owner: string | null,
    key: string,
    handler: StateHandler,
  ) {
    this.#link = link;
    this.#tenant = tenant;
    this.#owner = owner;
    this.#key = key;
    this.#handler = handler;
  }

  readonly take = async ({ events, states, snapshot }: RoomBatch): Promise<void> => {
    if (snapshot) return this.#takeAll();
    const fields = new Map(events.map((event) => [placeOf(event), event.fields]));
    for (const row of states) {
      const change = changeRow.safeParse(row);
      const place = change.success && `${change.data.id} ${change.data.version}`;
      if (change.success && place && fields.has(place) && change.data.agent_id === this.#owner)
        await this.#hand(change.data, fields.get(place) ?? null);
    }
  };

  /**
   * Called at the start with `since: null`, and if the log does not go back far enough. Delivers the states
   * that are newer than what was delivered.
   */
  async #takeAll(): Promise<void> {
    for (let after = ""; ; ) {
      let query = this.#link.client
        .from("states")
        .select("id, key, agent_id, version, value, updated_by, updated_at, deleted_at")
        .eq("tenant_id", this.#tenant)
        .gt("version", 0)
        .order("key")
        .gt("key", after)
        .limit(statesPerPage);
      query = this.#owner ? query.eq("agent_id", this.#owner) : query.is("agent_id", null);
      if (!this.#key.endsWith("*")) query = query.eq("key", this.#key);
      const { data, error } = fromDataApi(await query, list(tableState));
      if (error) throw new NotPulled(error);
      for (const row of data) {
        if ((this.#versions.get(row.id) ?? 0) >= row.version) continue;
        const action = row.deleted_at ? "delete" : "set";
        await this.#hand({ ...row, action, by: row.updated_by, at: row.updated_at }, null);
      }
      const last = data.at(-1);
      // A project may allow fewer rows in a page, so only an empty page is the last.
      if (!last) return;
      after = last.key;
    }
  }

  async #hand(row: ChangeRow, fields: string[] | null): Promise<void> {
    const { id, key, version, value, action, by } = row;
    const matches = this.#key.endsWith("*")
      ? key.startsWith(this.#key.slice(0, -1))
      : key === this.#key;
    if (!matches || (this.#versions.get(id) ?? 0) >= version) return;
    const gone = action === "delete" || action === "expire";
    await this.#handler({
      id,
      key,
      agentId: row.agent_id,
      version,
      value: gone ? undefined : value,
      action,
      fields,
      by,
      at: new Date(row.at),
    });
    this.#versions.set(id, version);
  }
}

/** Watches the states of an owner: see `States.watch`. */
export async function watchStates(
  link: Link,
  log: Log,
  owner: string | null,
  key: string,
  handler: StateHandler,
  options: StateWatchOptions,
): Promise<Result<Watch>> {
  const tenant = link.tenant("A state");
  if (tenant.error) return tenant;
  const follower = new StateFollower(link, tenant.data, owner, key, handler);
  // For a single key, the log includes only its versions. For a prefix, it includes those of all
  // states.
  const states = key.endsWith("*") || [key];
  return log.follow({ ...options, types: ["state.changed"], states }, follower.take);
}
