// Makes the migrations of the next release from sql/, which holds one object per file, by room. Earlier
// releases do not change. `--check` only compares, and fails if something differs.
import { join } from "node:path";
import { readArguments } from "../examples/arguments.ts";
import { buildMigrations } from "./sql/releases.ts";

const { flags } = readArguments("[--check]");
const { written, wrong } = await buildMigrations(
  join(import.meta.dirname, ".."),
  flags.has("check"),
);
for (const file of written) console.log(`wrote ${file}`);
for (const sentence of wrong) console.error(sentence);
process.exitCode = wrong.length > 0 ? 1 : 0;
