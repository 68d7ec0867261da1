import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const EXECUTABLE = process.platform === "win32" ? "deno.exe" : "deno";

/**
 * The Deno that npm installed: the file in the package `deno`, or the one in the package for this
 * platform.
 *
 * @throws an error that says what to do if there is none.
 */
export function findDeno(from: string = import.meta.url): string {
  try {
    const require = createRequire(from);
    const manifest = require.resolve("deno/package.json");
    const { optionalDependencies = {} } = require(manifest) as {
      optionalDependencies?: Record<string, string>;
    };
    const folders = [dirname(manifest)];
    const platform = createRequire(manifest);
    for (const name of Object.keys(optionalDependencies)) {
      try {
        folders.push(dirname(platform.resolve(`${name}/package.json`)));
      } catch {
        // This package is for another platform.
      }
    }
    const found = folders
      .map((folder) => join(folder, EXECUTABLE))
      .find((path) => existsSync(path));
    if (found) return found;
  } catch {
    // The package itself is missing.
  }
  throw new Error(
    "Deno is missing, but the edge functions need it. Run `npm install` with optional dependencies (it is in the npm package `deno`).",
  );
}
