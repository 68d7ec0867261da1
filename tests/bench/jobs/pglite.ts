/** Measures `turn_jobs` on PGlite, the database of the embedded Supabase, without an opponent. */
import { makeTenant } from "#harness/callers";
import { openPgliteDatabase } from "#harness/database";
import { makeTemplate } from "#harness/template";
import { quartiles } from "../lib/measure.ts";
import { report } from "../lib/report.ts";
import { rounds, unlimited } from "../lib/target.ts";
import { ourTurns } from "./sql.ts";

export async function measurePglite(): Promise<void> {
  await makeTemplate();
  const db = await openPgliteDatabase();
  const ours = await ourTurns(db, await makeTenant(db.sql, unlimited));
  for (const [size, turns] of [
    [1, 100],
    [10, 40],
    [100, 8],
  ] as const) {
    const rates: number[] = [];
    for (let round = 0; round <= rounds(5, 3); round++) {
      await ours.add(Math.min(1_000, size * (turns + 1)));
      await ours.turn(size);
      const began = performance.now();
      let done = 0;
      for (let n = 0; n < turns; n++) done += await ours.turn(size);
      // The first round is not counted, because it includes the planning of statements.
      if (round > 0) rates.push((done / (performance.now() - began)) * 1_000);
    }
    report({
      bench: "jobs",
      name: `turn_jobs in SQL, 1 connection, ${size} ${size === 1 ? "job" : "jobs"} a call`,
      on: "pglite",
      unit: "jobs/s",
      ours: quartiles(rates).median,
    });
  }
  await ours.backend.close();
  await db.close();
}
