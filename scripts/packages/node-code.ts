/** Code for Node: a few files in one flat folder, with their shared parts next to them. */
import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "vite";
import { root } from "./manifest.ts";

/**
 * @param entries their names, and their paths from the root of this repository.
 *
 * @param within the names of packages whose code becomes part of the files, like our own code.
 */
export async function buildNodeCode(
  folder: string,
  entries: Record<string, string>,
  within: RegExp = /^$/,
): Promise<void> {
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    build: {
      ssr: true,
      target: "node22",
      minify: false,
      outDir: folder,
      emptyOutDir: false,
      copyPublicDir: false,
      rolldownOptions: {
        input: Object.fromEntries(
          Object.entries(entries).map(([name, path]) => [name, join(root, path)]),
        ),
        external: (id) => /^[^./\0]/.test(id) && !id.startsWith(root) && !within.test(id),
        preserveEntrySignatures: "strict",
        output: {
          format: "es",
          entryFileNames: "[name].js",
          chunkFileNames: "[name].js",
          // The code needs no docstrings, because editors show those of the declarations.
          comments: { jsdoc: false },
        },
      },
    },
  });
}

/**
 * Makes the declarations of an entry and of everything that it refers to, with their paths in this repository. This
 * fails only if a type cannot be declared. `npm run check`, which takes four times as long, checks the types.
 */
export async function buildTypes(folder: string, project: string): Promise<void> {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const args = [tsc, "-p", join(root, project), "--outDir", folder, "--noCheck", "--checkers", "1"];
  await promisify(execFile)(process.execPath, args).catch((error: Error & { stdout: string }) => {
    throw new Error(`${project} does not compile:\n${error.stdout}`, { cause: error });
  });
  await nameJavaScript(folder);
}

/**
 * Changes `.ts` to `.js` in the imports of declarations. The compiler keeps `.ts`, but the package
 * has no such files.
 */
async function nameJavaScript(folder: string): Promise<void> {
  for (const path of await readdir(folder, { recursive: true })) {
    if (!path.endsWith(".d.ts")) continue;
    const text = await readFile(join(folder, path), "utf8");
    await writeFile(join(folder, path), text.replace(/(["'])(\.\.?\/[^"']+)\.ts\1/g, "$1$2.js$1"));
  }
}
