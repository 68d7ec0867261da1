// Makes the package of the SDK: ESM and CommonJS, each with its types. The repository itself uses the sources
// directly.
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "vite";
import { readArguments } from "../examples/arguments.ts";
import { bundle } from "./bundle.ts";
import {
  copyTexts,
  published,
  ranges,
  readManifest,
  root,
  writeJson,
} from "./packages/manifest.ts";
import { buildTypes } from "./packages/node-code.ts";

const sdk = join(root, "sdk");

/** The package's entry points besides the index, and their modules. */
const doors = { postgres: "link/postgres", memory: "memory/open" };

/** Empties a folder and builds into it. `npm pack` makes the tarball from it. */
export async function buildPackage(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await Promise.all([buildCode(folder), writeTypes(folder)]);
  // A package.json in the folder `cjs` marks this folder as CommonJS. Everything else in the package
  // is ESM. So the same declarations serve both.
  await writeJson(join(folder, "cjs/package.json"), { type: "commonjs" });
  await writeJson(join(folder, "package.json"), await manifest());
  // Folders with a package.json, for resolvers that do not know the field `exports`.
  for (const [name, file] of Object.entries(doors)) {
    await mkdir(join(folder, name));
    await writeJson(join(folder, name, "package.json"), {
      main: `../cjs/${file}.js`,
      module: `../esm/${file}.js`,
      types: `../cjs/${file}.d.ts`,
    });
  }
  await copyTexts("sdk", folder);
}

/** One file for each module, so that bundlers leave out unused code. */
async function buildCode(folder: string): Promise<void> {
  await build({
    root: sdk,
    configFile: false,
    logLevel: "warn",
    build: {
      target: "es2023",
      minify: false,
      outDir: folder,
      emptyOutDir: false,
      copyPublicDir: false,
      lib: {
        entry: ["index", ...Object.values(doors)].map((file) => join(sdk, `src/${file}.ts`)),
      },
      rolldownOptions: {
        external: /^[^./]/,
        output: (["esm", "cjs"] as const).map((format) => ({
          format,
          dir: join(folder, format),
          preserveModules: true,
          preserveModulesRoot: join(sdk, "src"),
          entryFileNames: "[name].js",
          exports: "named" as const,
          // The code needs no docstrings, because editors show those of the declarations.
          comments: { jsdoc: false },
        })),
      },
    },
  });
}

async function writeTypes(folder: string): Promise<void> {
  const made = join(folder, "types");
  await buildTypes(made, "sdk/tsconfig.build.json");
  for (const format of ["esm", "cjs"]) await cp(made, join(folder, format), { recursive: true });
  await rm(made, { recursive: true });
}

async function manifest(): Promise<object> {
  const { version, dependencies, peerDependencies, peerDependenciesMeta } =
    await readManifest("sdk");
  return {
    name: "@mayfly/sdk",
    version,
    description: "Spawns agents on a Mayfly project, and keeps what they learn.",
    keywords: ["supabase", "agents", "ai", "memory", "realtime"],
    ...published("sdk"),
    type: "module",
    sideEffects: false,
    // CommonJS requires ESM-only dependencies, which works since Node 22.12.
    engines: { node: ">=22.12" },
    main: "./cjs/index.js",
    module: "./esm/index.js",
    types: "./esm/index.d.ts",
    exports: {
      ".": {
        import: { types: "./esm/index.d.ts", default: "./esm/index.js" },
        require: { types: "./cjs/index.d.ts", default: "./cjs/index.js" },
      },
      ...Object.fromEntries(
        Object.entries(doors).map(([name, file]) => [
          `./${name}`,
          {
            import: { types: `./esm/${file}.d.ts`, default: `./esm/${file}.js` },
            require: { types: `./cjs/${file}.d.ts`, default: `./cjs/${file}.js` },
          },
        ]),
      ),
      "./package.json": "./package.json",
    },
    files: ["esm", "cjs", ...Object.keys(doors), "AGENTS.md"],
    dependencies: ranges(dependencies),
    // The application provides this package, because two copies on a page would have two connections and sessions.
    peerDependencies,
    // Marks some of these packages as optional, because only a worker that runs agents needs them.
    peerDependenciesMeta,
  };
}

if (import.meta.main) {
  readArguments();
  await buildPackage(join(sdk, "dist"));
  console.log("wrote sdk/dist; minified and compressed a page loads of");
  const built = JSON.stringify(join(sdk, "dist/esm/index.js"));
  const programs = {
    "import { Mayfly }": `import { Mayfly } from ${built}; globalThis.used = Mayfly;`,
    "import { openMemories }": `import { openMemories } from ${JSON.stringify(join(sdk, "dist/esm/memory/open.js"))}; globalThis.used = openMemories;`,
    "import { MayflyError }": `import { MayflyError } from ${built}; globalThis.used = MayflyError;`,
    "supabase-js alone":
      'import { createClient } from "@supabase/supabase-js"; globalThis.used = createClient;',
  };
  for (const [name, program] of Object.entries(programs)) {
    const { bytes } = await bundle(sdk, program);
    console.log(`  ${name}: ${(bytes / 1_000).toFixed(1)} kB`);
  }
}
