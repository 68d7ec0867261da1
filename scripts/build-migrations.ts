// Makes supabase/migrations from sql/schemas, which hold one object a file. Until 1.0 both migrations
// are made anew; `--check` only compares and fails where they differ. The policies of Realtime also
// stand alone, for the SQL editor: a project that was restored, or reset, may have lost them.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const schemas = join(root, "sql/schemas");

const beforeRealtime = (file: string) => file < "0900";
const ofRealtime = (file: string) => file >= "0900";
/** What is made, and of which files by their numbers. */
const bands = [
  { path: "supabase/migrations/20261121000000_mayfly.sql", holds: beforeRealtime },
  { path: "supabase/migrations/20261121000001_mayfly_realtime.sql", holds: ofRealtime },
  { path: "sql/realtime_policies.sql", holds: ofRealtime },
];

const files = (await readdir(schemas)).filter((file) => file.endsWith(".sql")).sort();
await mkdir(join(root, "supabase/migrations"), { recursive: true });

let stale = false;
for (const band of bands) {
  const parts = await Promise.all(
    files
      .filter(band.holds)
      .map(
        async (file) => `-- sql/schemas/${file}\n\n${await readFile(join(schemas, file), "utf8")}`,
      ),
  );
  const made = parts.join("\n");
  const path = join(root, band.path);
  const present = await readFile(path, "utf8").catch(() => "");
  if (made === present) continue;
  if (process.argv.includes("--check")) {
    stale = true;
    console.error(`${path} is not what sql/schemas gives: run npm run build:migrations`);
  } else {
    await writeFile(path, made);
    console.log(`wrote ${band.path}`);
  }
}
process.exitCode = stale ? 1 : 0;
