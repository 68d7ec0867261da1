// Makes the package of the embedded Supabase.
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { copyTexts, published, ranges, readManifest, root, writeJson } from "./manifest.ts";
import { buildNodeCode, buildTypes } from "./node-code.ts";

/** @param folder empty. `npm pack` makes the tarball from it. */
export async function buildLocal(folder: string): Promise<void> {
  const dist = join(folder, "dist");
  await Promise.all([
    // All files are in one flat folder. So each finds the thread's script, Deno's script and the SQL
    // in its own folder.
    buildNodeCode(dist, {
      index: "local/src/index.ts",
      cli: "local/src/cli.ts",
      worker: "local/src/db/worker.ts",
      router: "local/src/functions/router.ts",
    }),
    buildTypes(join(folder, "types"), "local/tsconfig.build.json"),
    cp(join(root, "local/src/bootstrap"), join(dist, "bootstrap"), { recursive: true }),
    cp(join(root, "local/cli.js"), join(folder, "cli.js")),
    copyTexts("local", folder, "NPM.md"),
    manifest().then((text) => writeJson(join(folder, "package.json"), text)),
  ]);
}

async function manifest(): Promise<object> {
  const { version, dependencies } = await readManifest("local");
  const { devDependencies } = (await readManifest("")) as unknown as {
    devDependencies: Record<string, string>;
  };
  return {
    name: "@mayfly/local",
    version,
    description:
      "A Supabase project in one Node process, without Docker, for development and tests.",
    keywords: ["supabase", "postgres", "pglite", "local", "development", "testing"],
    ...published("local"),
    type: "module",
    engines: { node: ">=22.18" },
    bin: { "mayfly-local": "./cli.js" },
    main: "./dist/index.js",
    types: "./types/local/src/index.d.ts",
    exports: {
      ".": { types: "./types/local/src/index.d.ts", default: "./dist/index.js" },
      "./package.json": "./package.json",
    },
    files: ["dist", "types", "cli.js", "AGENTS.md"],
    dependencies: { ...ranges(dependencies), deno: ranges(devDependencies).deno },
  };
}
