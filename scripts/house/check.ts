// Checks the rules of the house, and prints one sentence for each broken rule. With `--prune`, it
// first removes exceptions from sql/rooms.json that are no longer needed.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readArguments } from "../../examples/arguments.ts";
import { brokenRules, type House, pruned } from "./rules.ts";
import { readTree } from "./tree.ts";

const { flags } = readArguments("[--prune]");
const root = join(import.meta.dirname, "../..");
const path = join(root, "sql/rooms.json");
const tree = await readTree(root);
let house = JSON.parse(await readFile(path, "utf8")) as House;
if (flags.has("prune")) {
  house = pruned(tree, house);
  await writeFile(path, `${JSON.stringify(house, null, 2)}\n`);
}
const broken = brokenRules(tree, house);
for (const sentence of broken) console.error(sentence);
process.exitCode = broken.length > 0 ? 1 : 0;
