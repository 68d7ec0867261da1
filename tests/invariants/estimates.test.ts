/**
 * Everybody can see the planner's statistics, and estimates use them before any policy is checked. So columns that
 * tenants write have no statistics. The catalog lists every column of a readable table.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Claims } from "#harness/callers";
import type { TestDatabase } from "#harness/database";
import { fillTenant } from "#harness/sweep";
import {
  type Column,
  columnsOf,
  contentOf,
  crowd,
  databases,
  differences,
  ids,
  setStatistics,
  statisticsOf,
  words,
} from "./estimates.ts";

describe.each(databases.filter(([, , here]) => here))(
  "what the planner reveals, on %s,",
  (_on, open) => {
    let db: TestDatabase;
    let caller: Claims;
    let content: Column[];
    beforeAll(async () => {
      db = await open();
      content = await contentOf(db.sql);
      const victim = await fillTenant(db.sql);
      caller = (await fillTenant(db.sql)).owner;
      await crowd(db.sql, victim.tenant, content);
      await db.sql`analyze`;
    });
    afterAll(() => db?.close());

    it("is nothing that tenants write, because such columns of readable tables have no statistics", async () => {
      expect(content.length).toBeGreaterThan(60);
      expect(content.filter(({ kind }) => kind === "i").map(({ relation }) => relation)).toEqual([
        "job_attributes_search_idx",
        "memories_key_idx",
        "memories_labels_idx",
        "memories_thread_idx",
      ]);
      const on = content.filter(({ target }) => target !== 0);
      const what = "`alter column … set statistics 0` is missing, or a line in `words` or `ids`";
      expect(
        on.map(({ relation, name }) => `${relation}.${name}`),
        what,
      ).toEqual([]);
      expect(await statisticsOf(db.sql, content)).toEqual([]);
      // Every column in the lists of estimates.ts exists.
      const all = new Set(
        (await columnsOf(db.sql)).map(({ relation, name }) => `${relation}.${name}`),
      );
      for (const [table, names] of [...Object.entries(words), ...Object.entries(ids)])
        for (const name of names) expect(all).toContain(`${table}.${name}`);
    });

    it("does not depend on any value of another tenant", async () => {
      expect(await differences(db.sql, caller, content)).toEqual([]);
    });

    it("was more while these columns had statistics, and sql/forget_statistics.sql removes them", async () => {
      const told = async () => {
        const [row] = await db.sql`select mayfly_private.installation() -> 'statistics' as told`;
        return row?.told as string[];
      };
      expect(await told()).toEqual([]);
      await setStatistics(db.sql, content, 100);
      await db.sql`analyze`;
      const leaks = [
        "memories.task COL = VAL",
        "memories.task COL >= VAL and COL < VAL || 'zz'",
        "memories.tags COL @> VAL",
        "memories.words COL @@ VAL::text::tsquery",
        "memories.agent_id COL = VAL",
        "messages.type COL = VAL",
      ];
      const known = await differences(db.sql, caller, content);
      expect(known).toEqual(expect.arrayContaining(leaks));

      // The setting alone does not delete existing statistics.
      await setStatistics(db.sql, content, 0);
      await db.sql`analyze`;
      const kept = await differences(db.sql, caller, content);
      expect(kept).toEqual(expect.arrayContaining(leaks));
      expect(await told()).toContain("mayfly.memories.task");

      const script = join(import.meta.dirname, "../../sql/forget_statistics.sql");
      await db.sql.unsafe(await readFile(script, "utf8"));
      await db.sql`analyze`;
      expect(await statisticsOf(db.sql, content)).toEqual([]);
      expect(await differences(db.sql, caller, content)).toEqual([]);
      expect(await told()).toEqual([]);
    });
  },
);
