// Draws docs/architecture.svg from sql/rooms.json, the imports and the SQL sources. `--check` only compares.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readArguments } from "../../examples/arguments.ts";
import { readRooms, readSources } from "../sql/releases.ts";
import { importsOf } from "./imports.ts";
import { pictureOf } from "./picture.ts";
import { readTree } from "./tree.ts";
import { reduced, usesInSdk, usesInSql } from "./uses.ts";

const { flags } = readArguments("[--check]");
const root = join(import.meta.dirname, "../..");
const path = join(root, "docs/architecture.svg");
const [tree, { rooms }, sources] = await Promise.all([
  readTree(root),
  readRooms(root),
  readSources(root),
]);
const floors = ["contract", "link", ...rooms];
const has = (place: string) => tree.some(({ file }) => file.startsWith(`${place}/`));
const picture = pictureOf({
  floors,
  has: { sdk: (floor) => has(`sdk/src/${floor}`), sql: (floor) => has(`sql/${floor}`) },
  uses: {
    sdk: reduced(usesInSdk(importsOf(tree)), floors),
    sql: reduced(usesInSql(sources), floors),
  },
  users: ["cli", "console", "adapters", "examples"].filter(has),
});
if (!flags.has("check")) await writeFile(path, picture);
else if ((await readFile(path, "utf8").catch(() => "")) !== picture) {
  console.error(
    "docs/architecture.svg is not what the tree gives: run npm run build:architecture.",
  );
  process.exitCode = 1;
}
