// Makes the package of the command line, which includes the migrations and the functions.
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readFunctions } from "../../cli/src/source.ts";
import { buildConsole } from "../build-console.ts";
import { copyTexts, published, ranges, readManifest, root, writeJson } from "./manifest.ts";
import { buildNodeCode } from "./node-code.ts";

/** @param folder empty. `npm pack` makes the tarball from it. */
export async function buildCli(folder: string): Promise<void> {
  const assets = join(folder, "assets");
  await Promise.all([
    buildCliCode(folder),
    writeFile(
      join(folder, "source.d.ts"),
      "export declare const sourceFolder: string;\nexport declare const version: string;\n",
    ),
    copyAssets(assets),
    copyTexts("cli", folder),
    manifest().then((text) => writeJson(join(folder, "package.json"), text)),
  ]);
}

/** What `mayfly` runs, without its assets. */
export async function buildCliCode(folder: string): Promise<void> {
  await Promise.all([
    // Includes the SDK, because the command uses entries that are not in the published package.
    buildNodeCode(
      join(folder, "dist"),
      { main: "cli/src/main.ts", source: "cli/src/source.ts" },
      /^@mayfly\/sdk/,
    ),
    cp(join(root, "cli/cli.js"), join(folder, "cli.js")),
  ]);
}

/** The files that add Mayfly to a Supabase project. They are themselves a project that `mayfly dev` can serve. */
async function copyAssets(assets: string): Promise<void> {
  await cp(join(root, "supabase/migrations"), join(assets, "supabase/migrations"), {
    recursive: true,
  });
  await cp(join(root, "supabase/config.toml"), join(assets, "supabase/config.toml"));
  await buildConsole();
  await cp(join(root, "console/dist"), join(assets, "console/dist"), {
    recursive: true,
    filter: (file) => !file.endsWith(".built-from"),
  });
  await cp(join(root, "console/enter.sql"), join(assets, "console/enter.sql"));
  for (const { path, content } of await readFunctions()) {
    const file = join(assets, path.replace(/^supabase\/mayfly\//, ""));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}

async function manifest(): Promise<object> {
  const cli = await readManifest("cli");
  const sdk = await readManifest("sdk");
  const { "@mayfly/sdk": _within, "@mayfly/local": local, ...own } = cli.dependencies;
  return {
    name: "mayfly",
    version: cli.version,
    description:
      "A backend for teams of AI agents in your Supabase project: init, dev, doctor, tail and more.",
    keywords: ["supabase", "agents", "ai", "memory", "realtime", "cli"],
    ...published("cli"),
    type: "module",
    engines: { node: ">=22.18" },
    bin: { mayfly: "./cli.js" },
    exports: {
      // The path of the migrations and functions, for the test kit.
      "./source": { types: "./source.d.ts", default: "./dist/source.js" },
      "./package.json": "./package.json",
    },
    files: ["dist", "assets", "source.d.ts", "cli.js", "AGENTS.md"],
    dependencies: {
      ...ranges({ ...sdk.dependencies, ...own }),
      "@mayfly/local": local,
      // The packages that the functions import, in the same versions, so that `mayfly dev` downloads nothing.
      ...(await functionPackages()),
    },
  };
}

async function functionPackages(): Promise<Record<string, string>> {
  const { imports } = JSON.parse(await readFile(join(root, "functions/deno.json"), "utf8")) as {
    imports: Record<string, string>;
  };
  return Object.fromEntries(
    Object.values(imports).map((address) => {
      const [, name = "", version = ""] =
        /^npm:\/?((?:@[^/]+\/)?[^/@]+)@([^/]+)/.exec(address) ?? [];
      return [name, version];
    }),
  );
}
