// The sources of the reference. Their hash is compared first, because reading all types takes ten seconds.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const folder = join(import.meta.dirname, "../../sdk/src");

/** The text of all sources with docstrings. Each has its file name before it. */
export async function readSources(): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true })).filter(
    (file) => file.endsWith(".ts") && file !== "database.types.ts",
  );
  return Promise.all(
    files.sort().map(async (file) => `${file}\n${await readFile(join(folder, file), "utf8")}`),
  );
}

export async function hashOfSources(): Promise<string> {
  const hash = createHash("sha256");
  for (const source of await readSources()) hash.update(source);
  return hash.digest("hex").slice(0, 16);
}

export const madeFrom = (hash: string) =>
  `<!-- Made by \`npm run build:reference\` from sdk/src ${hash}: change the docstrings there. -->`;
