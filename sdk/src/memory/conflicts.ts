import { v7 as uuidv7 } from "uuid";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import { invalid, wrongPage } from "../contract/invalid.ts";
import { pushAnswer } from "../contract/log.ts";
import type { Link } from "../link/link.ts";

import { readPage } from "../link/read-all.ts";
import { foreign } from "../link/refusals.ts";
import { fromRow } from "../link/rows.ts";
import { type ConflictRow, conflictRow } from "./answers.ts";
import { type MemoryFields, toFields } from "./memory.ts";

/** A conflict: what an update with `resolve: "manual"` wanted for a field that somebody else had changed. */
export interface Conflict {
  id: string;
  memoryId: string;
  field: keyof MemoryFields;
  /** The value that the update expected. */
  base: unknown;
  /** The value that it wanted. The memory has its current value. */
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
   * @returns `invalid_request` for a limit that is out of range.
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
   * Resolves conflicts of one memory. `set` has the new values of its fields. Without it, they stay as they
   * are.
   *
   * @returns `memory_unknown` if there is no such memory that the caller may change, and what
   * `agent.memory.update` returns.
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
    const operation = {
      id: uuidv7(),
      type: "memory.update",
      memory: { id: first.memoryId, set: toFields(set), settles },
    };
    const { data, error } = await this.#link.fn("sync", pushAnswer, {
      push: [operation],
      limit: 0,
    });
    if (error) return failed(error);
    const result = data.results.find(({ id }) => id === operation.id);
    if (!result) return failed(foreign("the function sync"));
    return result.status === "gone" ? failed(gone(first.memoryId)) : ok(null);
  }
}

function conflictFromRow(row: ConflictRow): Conflict {
  const { field, base, wanted, ...rest } = fromRow(row);
  // In the form that an update takes: names in camelCase, instants as Date.
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

const gone = (id: string) =>
  new MayflyError({
    code: "memory_unknown",
    message: `There is no memory ${id}, or the caller may not change it.`,
    hint: "It may have been forgotten, together with its conflicts.",
    details: { field: "memoryId" },
  });
