// Makes the package of the test kit.
import { join } from "node:path";
import { copyTexts, published, ranges, readManifest, writeJson } from "./manifest.ts";
import { buildNodeCode, buildTypes } from "./node-code.ts";

/** @param folder empty. `npm pack` makes the tarball from it. */
export async function buildTesting(folder: string): Promise<void> {
  const { name, version, description, dependencies, peerDependencies } =
    await readManifest("testing");
  const { "@mayfly/local": local, mayfly, ...others } = dependencies;
  await Promise.all([
    buildNodeCode(join(folder, "dist"), { index: "testing/src/index.ts" }),
    buildTypes(join(folder, "types"), "testing/tsconfig.build.json"),
    copyTexts("testing", folder),
    writeJson(join(folder, "package.json"), {
      name,
      version,
      description,
      keywords: ["supabase", "agents", "ai", "testing", "vitest"],
      ...published("testing"),
      type: "module",
      engines: { node: ">=22.18" },
      main: "./dist/index.js",
      types: "./types/index.d.ts",
      exports: {
        ".": { types: "./types/index.d.ts", default: "./dist/index.js" },
        "./package.json": "./package.json",
      },
      files: ["dist", "types", "AGENTS.md"],
      dependencies: { ...ranges(others), "@mayfly/local": local, mayfly },
      peerDependencies,
    }),
  ]);
}
