/** The pages that people read. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

const folders = ["docs", "local", "sql", "examples", "sdk", "cli", "functions"];

const inFolder = async (folder: string) => {
  const found = await readdir(join(root, folder), { recursive: true }).catch(() => []);
  return found
    .filter((path) => path.endsWith(".md") && !/(^|\/)(node_modules|dist)\//.test(path))
    .map((path) => `${folder}/${path}`);
};

/** Every Markdown file outside of packages, relative to the root of the repository. */
export const allPages = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...(await Promise.all(folders.map(inFolder))).flat(),
].sort();

/** The pages of `docs`, without generated ones. */
export const docPages = allPages.filter(
  (page) => page.startsWith("docs/") && !page.startsWith("docs/reference/"),
);
