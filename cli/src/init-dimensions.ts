/** Migrations that are made for one project. Each sets how many numbers the project's vectors have. */
import { basename } from "node:path";
import type { Manifest } from "./init-manifest.ts";
import type { SourceFile } from "./source.ts";

const form = /^\d+_mayfly_dimensions_(\d+)_(\d+)\.sql$/;
/** How many numbers a vector has if no migration changes it. */
const usual = 384;

const migration = (nth: number, dimensions: number): SourceFile => ({
  // The 0 stands for the migration's number. It is replaced once the newest number in the project is
  // known.
  path: `supabase/migrations/0_mayfly_dimensions_${nth}_${dimensions}.sql`,
  content: `-- Vectors of ${dimensions} numbers. Written by mayfly init --dimensions ${dimensions}.
--
-- With more numbers than before, existing vectors are padded with zeros and still found. With fewer they
-- are deleted, and memories are found by words until they are embedded again: mayfly reembed.

set local lock_timeout = '5s';

select mayfly_private.set_dimensions(${dimensions});
`,
});

/**
 * The migrations of this kind that the project has, and a new one if its vectors should get another
 * length.
 */
export function dimensionMigrations(
  manifest: Manifest | null,
  dimensions: number | undefined,
): SourceFile[] {
  const made = Object.keys(manifest?.files ?? {})
    .flatMap((path) => {
      const [, nth, of] = form.exec(basename(path)) ?? [];
      return nth && of ? [{ nth: Number(nth), of: Number(of) }] : [];
    })
    .sort((a, b) => a.nth - b.nth);
  const present = made.at(-1)?.of ?? usual;
  if (dimensions !== undefined && dimensions !== present)
    made.push({ nth: made.length + 1, of: dimensions });
  return made.map(({ nth, of }) => migration(nth, of));
}
