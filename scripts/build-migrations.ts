// Makes the migrations of the next release from sql/, which holds one object a file, by room. What was
// released stays as it is. `--check` only compares and fails where something differs.
import { join } from "node:path";
import { buildMigrations } from "./sql/releases.ts";

const { written, wrong } = await buildMigrations(
  join(import.meta.dirname, ".."),
  process.argv.includes("--check"),
);
for (const file of written) console.log(`wrote ${file}`);
for (const sentence of wrong) console.error(sentence);
process.exitCode = wrong.length > 0 ? 1 : 0;
