// Makes the migrations of the next release from sql/, which holds one object per file, by room. Earlier
// releases do not change. `--check` only compares, and fails if something differs.
import { join } from "node:path";
import { buildMigrations } from "./sql/releases.ts";

const { written, wrong } = await buildMigrations(
  join(import.meta.dirname, ".."),
  process.argv.includes("--check"),
);
for (const file of written) console.log(`wrote ${file}`);
for (const sentence of wrong) console.error(sentence);
process.exitCode = wrong.length > 0 ? 1 : 0;
