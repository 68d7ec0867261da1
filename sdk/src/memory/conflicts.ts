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

/** What an update with `resolve: "manual"` wanted of a field that another had changed meanwhile. */
export interface Conflict {
  id: string;
  memoryId: string;
  field: keyof MemoryFields;
  /** What the update took the field to have. */
  base: unknown;
  /** What it wanted the field to have. The memory has what it has now. */
  wanted: unknown;
  /** The agent or person that pushed it; null for the secret key. */
  pushedBy: string | null;
  createdAt: Date;
}

/** Which conflicts, and where their page starts. */
export interface ListConflicts {
  memoryId?: string;
  /** `next` of the page before. */
  after?: string;
  /** 100 by default, 1,000 at most. */
  limit?: number;
}

/** Conflicts that are not settled, a page of them. */
export interface ConflictPage {
  conflicts: Conflict[];
  /** Where the next page starts; null at the end. */
  next: string | null;
}

const columns = "id, memory_id, field, base, wanted, pushed_by, created_at";

/** The fields of memories that wait to be settled by hand. */
export class Conflicts {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * The conflicts of memories that the caller sees, a page at a time.
   *
   * @returns `invalid_request` for a limit out of its bounds.
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
   * Settles conflicts of one memory, at once: `set` is what its fields are to be; without it they
   * stay as they are.
   *
   * @returns `memory_unknown` when there is no such memory that the caller may change; what
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
  // As an update takes it: its name in camelCase, an instant as a Date.
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
