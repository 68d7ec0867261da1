// Makes supabase/migrations from sql/schemas, which hold one object a file. Until 1.0 both migrations
// are made anew; `--check` only compares and fails where they differ.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const schemas = join(root, "sql/schemas");
const migrations = join(root, "supabase/migrations");

/** The bands of file numbers, and the migration that each makes. */
const bands = [
  { name: "20261121000000_mayfly.sql", holds: (file: string) => file < "0900" },
  { name: "20261121000001_mayfly_realtime.sql", holds: (file: string) => file >= "0900" },
];

const files = (await readdir(schemas)).filter((file) => file.endsWith(".sql")).sort();
await mkdir(migrations, { recursive: true });

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
  const path = join(migrations, band.name);
  const present = await readFile(path, "utf8").catch(() => "");
  if (made === present) continue;
  if (process.argv.includes("--check")) {
    stale = true;
    console.error(`${path} is not what sql/schemas gives: run npm run build:migrations`);
  } else {
    await writeFile(path, made);
    console.log(`wrote supabase/migrations/${band.name}`);
  }
}
process.exitCode = stale ? 1 : 0;
