import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "smol-toml";
import { type Entry, type Modules, readModules } from "./modules.ts";
import type { FunctionSpec } from "./protocol.ts";

/** The functions of a project: those in supabase/config.toml, and those in supabase/functions. */
export interface FunctionsConfig {
  functions: (FunctionSpec & { verifyJwt: boolean })[];
  /** The deno.json or import map that all functions share. Undefined if there are several. */
  importMap: string | undefined;
  modules: Modules;
  /** The folders with the functions' files. */
  folders: string[];
  /** Problems, one sentence each. */
  problems: string[];
}

/** Reads `[functions.*]` of supabase/config.toml under `root`. */
export function readFunctionsConfig(root: string): FunctionsConfig {
  const base = resolve(root, "supabase");
  const entries = tables(parseToml(resolve(base, "config.toml")).functions);
  const problems: string[] = [];
  const functions: FunctionsConfig["functions"] = [];
  const made: Entry[] = [];
  const listed = new Set<string>();
  const named = new Set(entries.map(([name]) => name));
  const unnamed = entrypointsIn(resolve(base, "functions"))
    .map((path): [string, Record<string, unknown>] => [basename(dirname(path)), {}])
    .filter(([name]) => !named.has(name));

  for (const [name, entry] of [...entries, ...unnamed]) {
    const entrypoint = resolve(base, text(entry.entrypoint) ?? `functions/${name}/index.ts`);
    listed.add(entrypoint);
    if (entry.enabled === false) continue;
    if (!existsSync(entrypoint)) {
      problems.push(
        `The function ${name} is named in supabase/config.toml, but its entrypoint ${relative(root, entrypoint)} is missing.`,
      );
      continue;
    }
    const importMap = importMapOf(base, entrypoint, text(entry.import_map));
    if (importMap && !existsSync(importMap))
      throw new Error(`The functions' import_map ${relative(root, importMap)} is missing.`);
    made.push({ entrypoint, importMap });
    const verifyJwt = entry.verify_jwt !== false;
    functions.push({ name, url: pathToFileURL(entrypoint).href, verifyJwt });
  }

  const folders = new Set([...listed].map((path) => dirname(dirname(path))).filter(existsSync));
  if (existsSync(resolve(root, "functions"))) folders.add(resolve(root, "functions"));
  for (const folder of folders) {
    for (const path of entrypointsIn(folder)) {
      if (listed.has(path)) continue;
      problems.push(
        `${relative(root, path)} is not served, because supabase/config.toml has no [functions.${basename(dirname(path))}] for it.`,
      );
    }
  }
  const [importMap, ...others] = new Set(made.map((one) => one.importMap));
  return {
    functions,
    importMap: others.length === 0 ? importMap : undefined,
    modules: readModules(root, made),
    folders: [...folders],
    problems,
  };
}

/**
 * The import map of a function, chosen as in the Supabase CLI: the one that config.toml names for the
 * function, or else the function's own, or else the one that all functions share.
 */
function importMapOf(base: string, entrypoint: string, named?: string): string | undefined {
  if (named !== undefined) return resolve(base, named);
  const own = ["deno.json", "deno.jsonc", "import_map.json"].map((file) =>
    resolve(dirname(entrypoint), file),
  );
  return [...own, resolve(base, "functions/import_map.json")].find(existsSync);
}

function parseToml(path: string): Record<string, unknown> {
  try {
    return parse(readFileSync(path, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new Error(`supabase/config.toml cannot be read: ${reason}`);
  }
}

function tables(value: unknown): [string, Record<string, unknown>][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).filter(
    (entry): entry is [string, Record<string, unknown>] =>
      typeof entry[1] === "object" && entry[1] !== null,
  );
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function entrypointsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^[._]/.test(entry.name))
    .map((entry) => resolve(folder, entry.name, "index.ts"))
    .filter((path) => existsSync(path));
}
