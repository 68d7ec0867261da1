import { failed, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { invalid, wrongPage } from "../contract/invalid.ts";
import type { Link } from "../link/link.ts";
import { readPage } from "../link/read-all.ts";
import { fromRow } from "../link/rows.ts";
import { type ConflictRow, conflictRow } from "./answers.ts";
import type { MemoryFields } from "./memory.ts";
import { changeMemory } from "./store.ts";

/** A conflict: what an update with `resolve: "manual"` wanted for a field that somebody else had changed. */
export interface Conflict {
  id: string;
  memoryId: string;
  field: keyof MemoryFields;
  /** The value that the update expected. */
  base: unknown;
  /** The value that the update wanted. The current value is in the memory. */
  wanted: unknown;
  /** The agent or person that pushed it. Null for the secret key. */
  pushedBy: string | null;
  createdAt: Date;
}

/** Which conflicts to list, and where their page starts. */
export interface ListConflicts {
  memoryId?: string;
  /** `next` of the previous page. */
  after?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** A page of open conflicts. */
export interface ConflictPage {
  conflicts: Conflict[];
  /** Where the next page starts. Null at the end. */
  next: string | null;
}

const columns = "id, memory_id, field, base, wanted, pushed_by, created_at";

/** Fields of memories that wait for a person's decision. */
export class Conflicts {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Lists conflicts of the memories that the caller may see, one page at a time.
   *
   * @returns `invalid_request` if the limit is out of range.
   * @example
   * const { data: page } = await mayfly.memory.conflicts.list({ memoryId });
   */
  async list({ memoryId, after, limit = 100 }: ListConflicts = {}): Promise<Result<ConflictPage>> {
    const wrong = wrongPage("limit", limit);
    if (wrong) return failed(wrong);
    const { data, error } = await readPage(conflictRow, limit, (behind, rows) => {
      let query = this.#link.client.from("memory_conflicts").select(columns);
      if (this.#link.tenantId) query = query.eq("tenant_id", this.#link.tenantId);
      if (memoryId) query = query.eq("memory_id", memoryId);
      const from = behind?.id ?? after;
      if (from) query = query.gt("id", from);
      return query.order("id").limit(rows);
    });
    if (error) return failed(error);
    const conflicts = data.map(conflictFromRow);
    const last = conflicts.at(-1);
    return ok({ conflicts, next: last && conflicts.length === limit ? last.id : null });
  }

  /**
   * Resolves conflicts of one memory. `set` has the new values of the memory's fields. Without `set`, the
   * fields stay as they are.
   *
   * @returns `memory_unknown` if there is no such memory or the caller may not change it, and the
   * errors of `agent.memory.update`.
   * @example
   * const { data: page } = await mayfly.memory.conflicts.list();
   * for (const conflict of page?.conflicts ?? [])
   *   await mayfly.memory.conflicts.resolve([conflict], { [conflict.field]: conflict.wanted });
   */
  async resolve(
    conflicts: Pick<Conflict, "id" | "memoryId">[],
    set: MemoryFields = {},
  ): Promise<Result<null>> {
    const [first] = conflicts;
    if (!first || conflicts.some(({ memoryId }) => idOf(memoryId) !== idOf(first.memoryId))) {
      return failed(invalid("conflicts", "must be at least one, all of the same memory"));
    }
    const settles = conflicts.map(({ id }) => idOf(id));
    const { error } = await changeMemory(this.#link, first.memoryId, { set, settles });
    return error ? failed(error) : ok(null);
  }
}

function conflictFromRow(row: ConflictRow): Conflict {
  const { field, base, wanted, ...rest } = fromRow(row);
  // Converts the values to the form that an update expects: names in camelCase, times as Date.
  const named = (value: unknown) =>
    Object.entries(fromRow({ [field]: value }))[0] ?? [field, value];
  const [name, wantedValue] = named(wanted);
  return {
    ...rest,
    field: name as keyof MemoryFields,
    base: named(base)[1],
    wanted: wantedValue,
  };
}
