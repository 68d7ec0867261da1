/** Which of our files import which others. Imports of types count, too, because they also tie two files together. */
import { dirname, join } from "node:path/posix";
// Oxc's parser, which Vite includes. It parses 600 files in a third of a second. TypeScript 7 has no parser that can
// be called in this process.
import { parseSync } from "vite";
import type { SourceFile } from "./tree.ts";

/** The files that each TypeScript file imports. */
export type Imports = Map<string, Set<string>>;

interface Package {
  name?: string;
  exports?: Record<string, unknown>;
  imports?: Record<string, unknown>;
}

/** Finds the file that an import names. Undefined for packages of others. */
type Resolve = (specifier: string, from: string) => string | undefined;

const isCode = (file: string) => /\.(ts|tsx|js|mjs)$/.test(file);

export function importsOf(tree: SourceFile[]): Imports {
  const resolve = resolverOf(tree);
  const found: Imports = new Map();
  for (const { file, text } of tree) {
    if (!isCode(file)) continue;
    const targets = specifiersIn(file, text).map((specifier) => resolve(specifier, file));
    found.set(file, new Set(targets.filter((target) => target !== undefined)));
  }
  return found;
}

/** The specifiers in `from` and in `import(…)`, of values and of types. */
function specifiersIn(file: string, text: string): string[] {
  const parsed = parseSync(file, text);
  const { staticImports, staticExports, dynamicImports } = parsed.module;
  const specifiers = [
    ...staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...staticExports.flatMap(({ entries }) =>
      entries.map(({ moduleRequest }) => moduleRequest?.value),
    ),
    // A path that is computed at run time names no file here.
    ...dynamicImports.map(
      ({ moduleRequest: { start, end } }) => /^["'](.*)["']$/.exec(text.slice(start, end))?.[1],
    ),
  ];
  // `typeof import("…")` can be found only in the syntax tree. Searching the tree takes longer than
  // everything else, so search it only if the text may contain one.
  if (/\bimport\(/.test(text)) specifiers.push(...importTypesIn(parsed.program));
  return specifiers.filter((specifier) => specifier !== undefined && specifier !== null);
}

function importTypesIn(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  const { type, source } = node as { type?: string; source?: { value?: unknown } };
  const own = type === "TSImportType" && typeof source?.value === "string" ? [source.value] : [];
  return [...own, ...Object.values(node).flatMap(importTypesIn)];
}

function resolverOf(tree: SourceFile[]): Resolve {
  const files = new Set(tree.map(({ file }) => file));
  const doors = new Map<string, string>();
  for (const { file, text } of tree) {
    if (!file.endsWith("package.json")) continue;
    const { name, exports = {}, imports = {} } = JSON.parse(text) as Package;
    for (const [door, target] of Object.entries(exports))
      if (name && typeof target === "string")
        doors.set(name + door.slice(1), join(dirname(file), target));
    for (const [door, target] of Object.entries(imports))
      if (typeof target === "string") doors.set(door, join(dirname(file), target));
  }
  return (specifier, from) => {
    const path = specifier.startsWith(".")
      ? join(dirname(from), specifier)
      : throughDoor(doors, specifier);
    return path !== undefined && files.has(path) ? path : undefined;
  };
}

/** Resolves a name by the `exports` and `imports` of our package.json files. These names may contain one `*`. */
function throughDoor(doors: Map<string, string>, specifier: string): string | undefined {
  const exact = doors.get(specifier);
  if (exact) return exact;
  for (const [door, target] of doors) {
    const [before = "", after] = door.split("*");
    if (after === undefined || !specifier.startsWith(before) || !specifier.endsWith(after))
      continue;
    return target.replace("*", specifier.slice(before.length, specifier.length - after.length));
  }
  return undefined;
}
