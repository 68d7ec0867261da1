/** Finds what the functions of a project import, and makes the import map for their files. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

type Names = Record<string, string>;

/** An import map with complete addresses, from a file of its own or from a deno.json. */
interface ImportMap {
  imports: Names;
  scopes: Record<string, Names>;
}

/** A function's entrypoint, and the deno.json or import map that it is deployed with. */
export interface Entry {
  entrypoint: string;
  importMap: string | undefined;
}

export interface Modules {
  /**
   * The import map of the process with all functions. In it, each file finds the modules that the map
   * of its own function names.
   */
  importMap: ImportMap;
  /** Whether node_modules has everything in the named versions, so that nothing is downloaded. */
  installed: boolean;
}

/** @param root the project's root, which may have node_modules. */
export function readModules(root: string, entries: readonly Entry[]): Modules {
  const maps = new Map<string | undefined, ImportMap>([[undefined, { imports: {}, scopes: {} }]]);
  const owners = new Map<string, ImportMap>();
  const wanted = new Set<string>();
  for (const { entrypoint, importMap } of entries) {
    const map = maps.get(importMap) ?? readMap(importMap as string);
    maps.set(importMap, map);
    walk(entrypoint, map, owners, wanted);
  }
  const all = [...maps.values()];
  const named = all.filter(({ imports }) => Object.keys(imports).length > 0);
  const merged: ImportMap = {
    // If two functions with different maps import the same file, the map of the first function counts
    // for that file.
    imports: Object.assign({}, ...named.map(({ imports }) => imports).reverse()) as Names,
    scopes: Object.assign({}, ...all.map(({ scopes }) => scopes)) as Record<string, Names>,
  };
  if (named.length > 1)
    for (const [path, { imports }] of owners) merged.scopes[pathToFileURL(path).href] = imports;
  const installed = [...wanted].every((address) => isInstalled(root, address));
  return { importMap: merged, installed };
}

/** Follows the imports of a file, and keeps those that are outside of the project. */
function walk(
  path: string,
  map: ImportMap,
  owners: Map<string, ImportMap>,
  wanted: Set<string>,
): void {
  if (owners.has(path) || !existsSync(path)) return;
  owners.set(path, map);
  for (const name of importsOf(readFileSync(path, "utf8"))) {
    const address = /^\.{1,2}\//.test(name) ? resolve(dirname(path), name) : addressOf(name, map);
    if (address.startsWith("file:")) walk(new URL(address).pathname, map, owners, wanted);
    else if (address.startsWith("/")) walk(address, map, owners, wanted);
    else wanted.add(address);
  }
}

/**
 * The modules that a text imports. This includes imports of types and imports in comments. Their
 * modules are downloaded without need, but that costs little.
 */
function importsOf(text: string): string[] {
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\n]+)["']/g);
  return [...found].map(([, name = ""]) => name);
}

function addressOf(name: string, { imports }: ImportMap): string {
  const whole = imports[name];
  if (whole !== undefined) return whole;
  const folder = Object.keys(imports)
    .filter((key) => key.endsWith("/") && name.startsWith(key))
    .sort((a, b) => b.length - a.length)[0];
  return folder === undefined ? name : `${imports[folder]}${name.slice(folder.length)}`;
}

function readMap(path: string): ImportMap {
  const { imports = {}, scopes = {} } = parseJsonc(path) as Partial<ImportMap>;
  const isConfig = /^deno\.jsonc?$/.test(basename(path));
  const base = pathToFileURL(path);
  const whole = (names: Names): Names =>
    Object.fromEntries(
      Object.entries(isConfig ? withSubpaths(names) : names).map(([name, address]) => [
        name,
        /^\.{0,2}\//.test(address) ? new URL(address, base).href : address,
      ]),
    );
  return {
    imports: whole(imports),
    scopes: Object.fromEntries(
      Object.entries(scopes).map(([scope, names]) => [new URL(scope, base).href, whole(names)]),
    ),
  };
}

/** In a deno.json, `hono` also covers `hono/cors`. */
function withSubpaths(names: Names): Names {
  const more = Object.entries(names).flatMap(([name, address]) => {
    const [, scheme, rest] = /^(npm:|jsr:)\/?((?:@[^/]+\/)?[^/]+)$/.exec(address) ?? [];
    const folder = `${name}/`;
    return rest === undefined || name.endsWith("/") || folder in names
      ? []
      : [[folder, `${scheme}/${rest}/`] as const];
  });
  return { ...names, ...Object.fromEntries(more) };
}

/** @throws an error with one sentence if it is not JSON, with or without comments. */
function parseJsonc(path: string): object {
  const text = readFileSync(path, "utf8");
  const plain = text.replace(
    /("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\/|,(?=\s*[}\]])/g,
    (_found, quoted: string | undefined) => quoted ?? "",
  );
  try {
    return JSON.parse(plain) as object;
  } catch (error) {
    throw new Error(`The functions' ${path} cannot be read: ${(error as Error).message}`);
  }
}

function isInstalled(root: string, address: string): boolean {
  if (!/^(npm|jsr|https?):/.test(address)) return true;
  const [, name, version] = /^npm:\/?((?:@[^/]+\/)?[^/@]+)(?:@([^/]+))?/.exec(address) ?? [];
  if (name === undefined) return false;
  try {
    const manifest = readFileSync(join(root, "node_modules", name, "package.json"), "utf8");
    return (
      version === undefined || (JSON.parse(manifest) as { version: string }).version === version
    );
  } catch {
    return false;
  }
}
