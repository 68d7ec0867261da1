// Checks the rules of the house and prints one sentence for each that is broken.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { brokenRules, type House } from "./rules.ts";
import { readTree } from "./tree.ts";

const root = join(import.meta.dirname, "../..");
const house = JSON.parse(await readFile(join(root, "sql/rooms.json"), "utf8")) as House;
const broken = brokenRules(await readTree(root), house);
for (const sentence of broken) console.error(sentence);
process.exitCode = broken.length > 0 ? 1 : 0;
