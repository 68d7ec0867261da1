import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { Project, ts } from "ts-morph";
import { type ByHand, rewriteCode, rewriteMarkdown } from "./rewrite.ts";

export interface CodemodOptions {
  /** Files and folders. A folder stands for the code and the Markdown in it. */
  paths: string[];
  /** Whether to only report the changes, without making them. */
  dryRun?: boolean;
}

export interface Changed {
  path: string;
  edits: number;
  byHand: ByHand[];
}

const code = /\.(?:[cm]?[jt]s|[jt]sx)$/;
const declarations = /\.d\.[cm]?ts$/;
const skipped = new Set(["node_modules", "dist", "build", "coverage"]);

/** Declarations that the code in pages and examples assumes: a project, and an agent in it. */
const given = `
declare const mayfly: import("@mayfly/sdk").Mayfly;
declare const agent: import("@mayfly/sdk").Agent;
declare const helper: import("@mayfly/sdk").Agent;
declare const other: import("@mayfly/sdk").Agent;
`;

/**
 * Rewrites files from the names of 0.1 to those of 0.2. Returns the changed files, and what people have to
 * change themselves.
 */
export async function codemod({ paths, dryRun = false }: CodemodOptions): Promise<Changed[]> {
  const files = (await Promise.all(paths.map(filesOf))).flat().sort();
  const project = new Project({
    skipAddingFilesFromTsConfig: true,
    compilerOptions: {
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      allowJs: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      strict: true,
      skipLibCheck: true,
    },
  });
  project.createSourceFile(join(process.cwd(), "mayfly-codemod-given.d.ts"), given);
  const changed: Changed[] = [];
  const written: [string, string][] = [];
  for (const path of files) {
    const text = await readFile(path, "utf8");
    if (!/mayfly|agent/i.test(text)) continue;
    const rewrite = path.endsWith(".md") ? rewriteMarkdown : rewriteCode;
    const { text: rewritten, edits, byHand } = rewrite(project, path, text);
    if (edits > 0 || byHand.length > 0)
      changed.push({ path: relative(process.cwd(), path), edits, byHand });
    if (rewritten !== text) written.push([path, rewritten]);
  }
  // Files are written only at the end, because the types in one file depend on the old text of other files.
  if (!dryRun) for (const [path, text] of written) await writeFile(path, text);
  return changed;
}

async function filesOf(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory())
    return [join(process.cwd(), relative(process.cwd(), path))];
  const entries = await readdir(path, { withFileTypes: true });
  const found = entries.map((entry) => {
    const at = join(path, entry.name);
    if (entry.isDirectory())
      return skipped.has(entry.name) || entry.name.startsWith(".") ? [] : filesOf(at);
    const wanted = entry.name.endsWith(".md") || (code.test(entry.name) && !declarations.test(at));
    return entry.isFile() && wanted ? filesOf(at) : [];
  });
  return (await Promise.all(found)).flat();
}
