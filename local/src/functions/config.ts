import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "smol-toml";
import type { FunctionSpec } from "./protocol.ts";

/** The functions of a project, as supabase/config.toml names them. */
export interface FunctionsConfig {
  functions: (FunctionSpec & { verifyJwt: boolean })[];
  /** deno.json, or an import map, that all functions share. */
  importMap: string | undefined;
  /** The folders whose files the functions are made of. */
  folders: string[];
  /** What is not as it should be, a sentence each. */
  problems: string[];
}

/** Reads `[functions.*]` of supabase/config.toml under `root`. */
export function readFunctionsConfig(root: string): FunctionsConfig {
  const base = resolve(root, "supabase");
  const entries = tables(parseToml(resolve(base, "config.toml")).functions);
  const problems: string[] = [];
  const functions: FunctionsConfig["functions"] = [];
  const importMaps = new Set<string>();
  const listed = new Set<string>();

  for (const [name, entry] of entries) {
    const entrypoint = resolve(base, text(entry.entrypoint) ?? `functions/${name}/index.ts`);
    listed.add(entrypoint);
    if (entry.enabled === false) continue;
    if (!existsSync(entrypoint)) {
      problems.push(
        `The function ${name} is named in supabase/config.toml, but its entrypoint ${relative(root, entrypoint)} is missing.`,
      );
      continue;
    }
    const importMap = text(entry.import_map);
    if (importMap) importMaps.add(resolve(base, importMap));
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
  if (importMaps.size > 1) {
    throw new Error(
      `All functions share one Deno here, so they need the same import_map, but supabase/config.toml names ${importMaps.size}.`,
    );
  }
  const [importMap] = importMaps;
  if (importMap && !existsSync(importMap)) {
    throw new Error(`The functions' import_map ${relative(root, importMap)} is missing.`);
  }
  return { functions, importMap, folders: [...folders], problems };
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
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^[._]/.test(entry.name))
    .map((entry) => resolve(folder, entry.name, "index.ts"))
    .filter((path) => existsSync(path));
}
