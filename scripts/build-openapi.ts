// Makes docs/openapi.json from the schemas that the functions validate with. `--check` only compares.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readArguments } from "../examples/arguments.ts";
import { openapi } from "./openapi/document.ts";

const { flags } = readArguments("[--check]");
const path = join(import.meta.dirname, "../docs/openapi.json");
const made = `${JSON.stringify(openapi(), null, 2)}\n`;
const present = await readFile(path, "utf8").catch(() => "");
if (made !== present && flags.has("check")) {
  console.error(`${path} is not what the schemas give: run npm run docs:openapi`);
  process.exitCode = 1;
} else if (made !== present) {
  await writeFile(path, made);
  console.log("wrote docs/openapi.json");
}
