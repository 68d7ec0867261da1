/** The files of Mayfly for a Supabase project. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { Failure } from "./failure.ts";
import { functionNames } from "./functions.ts";

export { version } from "@mayfly/sdk/contract/version";

const packed = join(import.meta.dirname, "../assets");

/** The migrations and functions, from the clone that contains this CLI, or from the package. */
export const sourceFolder = existsSync(packed) ? packed : join(import.meta.dirname, "../..");

/** The functions and what they import, under supabase/ with the same paths as in Mayfly. */
const home = "mayfly";

export interface SourceFile {
  /** The path in the project, relative to its root, with `/`. */
  path: string;
  content: string;
}

export interface FunctionEntry {
  name: string;
  /** The path of the function, relative to supabase/, as in config.toml. */
  entrypoint: string;
  importMap: string;
}

export const functionEntries = (prefix = ""): FunctionEntry[] =>
  functionNames.map((name) => ({
    name: `${prefix}${name}`,
    entrypoint: `./${home}/functions/${name}/index.ts`,
    importMap: `./${home}/functions/deno.json`,
  }));

/** The migrations, by name. */
export async function readMigrations(): Promise<SourceFile[]> {
  const folder = join(sourceFolder, "supabase/migrations");
  const files = await readdir(folder).catch(() => []);
  const names = files.filter((file) => /^\d+_mayfly\w*\.sql$/.test(file)).sort();
  if (names.length === 0)
    throw new Failure("This copy of Mayfly has no migrations.", {
      hint: "Install the package mayfly again, or run the command from a clone of Mayfly.",
    });
  return Promise.all(
    names.map(async (name) => ({
      path: `supabase/migrations/${name}`,
      content: await readFile(join(folder, name), "utf8"),
    })),
  );
}

/** The functions, everything of Mayfly that they import, and their deno.json. */
export async function readFunctions(): Promise<SourceFile[]> {
  const files = new Map<string, string>();
  const take = async (path: string): Promise<void> => {
    if (files.has(path)) return;
    const content = await readFile(path, "utf8");
    files.set(path, content);
    for (const imported of relativeImports(content)) await take(join(dirname(path), imported));
  };
  for (const name of functionNames) await take(join(sourceFolder, "functions", name, "index.ts"));
  const config = join(sourceFolder, "functions/deno.json");
  files.set(config, await readFile(config, "utf8"));
  return [...files]
    .map(([path, content]) => ({
      path: `supabase/${home}/${relative(sourceFolder, path).split(sep).join("/")}`,
      content,
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function relativeImports(text: string): string[] {
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g);
  return [...found].map((match) => match[1] ?? "");
}
