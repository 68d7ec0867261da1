// Makes the package of an adapter, which is any folder of adapters/ with a package.json.
import { existsSync, readdirSync } from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { copyTexts, published, ranges, readManifest, root, writeJson } from "./manifest.ts";
import { buildNodeCode, buildTypes } from "./node-code.ts";

export const adapters = readdirSync(join(root, "adapters")).filter((name) =>
  existsSync(join(root, "adapters", name, "package.json")),
);

/** The declarations of all adapters, by the folder that they were built into. */
const typesOfAll = new Map<string, Promise<void>>();

/** @returns a function that builds it into an empty folder, from which `npm pack` makes the tarball. */
export const buildAdapter = (adapter: string) => async (folder: string) => {
  const from = `adapters/${adapter}`;
  const manifest = await readManifest(from);
  const { name, version, description, peerDependencies, peerDependenciesMeta } = manifest;
  const doors = sourcesOf(manifest.exports);
  const commands = sourcesOf(manifest.bin);
  const all = join(dirname(folder), ".types-of-adapters");
  if (!typesOfAll.has(all)) typesOfAll.set(all, buildTypes(all, "adapters/tsconfig.build.json"));
  await Promise.all([
    typesOfAll.get(all),
    buildNodeCode(
      join(folder, "dist"),
      Object.fromEntries(
        [...doors, ...commands].map(({ file, source }) => [file, join(from, source)]),
      ),
    ),
    copyTexts(from, folder),
    writeJson(join(folder, "package.json"), {
      name,
      version,
      description,
      keywords: ["supabase", "agents", "ai", adapter],
      ...published(from),
      type: "module",
      sideEffects: false,
      engines: { node: ">=22.18" },
      main: "./dist/index.js",
      types: "./types/index.d.ts",
      exports: {
        ...Object.fromEntries(
          doors.map(({ name: door, file }) => [
            door,
            { types: `./types/${file}.d.ts`, default: `./dist/${file}.js` },
          ]),
        ),
        "./package.json": "./package.json",
      },
      ...(commands.length > 0 && {
        bin: Object.fromEntries(commands.map(({ name, file }) => [name, `./dist/${file}.js`])),
      }),
      files: ["dist", "types", "AGENTS.md"],
      ...(manifest.dependencies && { dependencies: ranges(manifest.dependencies) }),
      // The application installs these packages itself, because it passes objects of theirs to the
      // adapter.
      peerDependencies,
      peerDependenciesMeta,
    }),
  ]);
  await cp(join(all, adapter, "src"), join(folder, "types"), { recursive: true });
};

const sourcesOf = (named: Record<string, string> = {}) =>
  Object.entries(named).map(([name, source]) => ({
    name,
    source,
    file: source.replace(/^\.\/src\/(.*)\.tsx?$/, "$1"),
  }));
