/** The librarian's tools: they find lines in the folder and read its files, but nothing outside of it. */
import { readdir, readFile, realpath } from "node:fs/promises";
import { join, sep } from "node:path";

export interface Line {
  path: string;
  line: number;
  text: string;
}

const most = 20;
const skipped = /(^|\/)(\.|node_modules\/)|\.(png|jpe?g|gif|pdf|zip|gz|ico|woff2?|wasm)$/;

/** The lines that contain the most of these words, best first. */
export async function searchFolder(folder: string, words: string): Promise<Line[]> {
  const wanted = wordsOf(words);
  const found: (Line & { hits: number })[] = [];
  for (const path of await filesOf(folder))
    for (const [at, text] of (await textOf(folder, path)).split("\n").entries()) {
      const hits = wanted.filter((word) => text.toLowerCase().includes(word)).length;
      if (hits > 0) found.push({ path, line: at + 1, text: text.trim().slice(0, 300), hits });
    }
  return found
    .toSorted((a, b) => b.hits - a.hits)
    .slice(0, most)
    .map(({ hits: _hits, ...line }) => line);
}

/** The beginning of a file. @throws if it is not in the folder. */
export async function readInFolder(folder: string, path: string): Promise<string> {
  const root = await realpath(folder);
  const file = await realpath(join(root, path));
  if (!file.startsWith(root + sep)) throw new Error(`${path} is not in the folder.`);
  return (await readFile(file, "utf8")).slice(0, 20_000);
}

/** The significant words of a question. */
export const wordsOf = (text: string): string[] =>
  (text.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? []).filter((word) => !common.has(word));

const common = new Set("does from have that this what when where which with would your".split(" "));

async function filesOf(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .map((path) => path.split(sep).join("/"))
    .filter((path) => !skipped.test(path))
    .sort();
}

/** The text of a file. Empty if the file is not text, or is too long or unreadable. */
async function textOf(folder: string, path: string): Promise<string> {
  const text = await readFile(join(folder, path), "utf8").catch(() => "");
  return text.length > 500_000 || text.includes("\0") ? "" : text;
}
