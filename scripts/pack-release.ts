// Packs the SDK and the edge functions of a release, in the form in which its users run them. Tests use this to run
// old clients on the current SQL:
//   node scripts/pack-release.ts 0.1.0 438534eb27f1
// Only this script needs the git history. Its output in tests/upgrade/<version>/ is committed.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build, type Rolldown } from "vite";
import { readArguments } from "../examples/arguments.ts";

const root = join(import.meta.dirname, "..");
const run = promisify(execFile);

export async function packRelease(version: string, commit: string): Promise<string[]> {
  const source = await mkdtemp(join(tmpdir(), "mayfly-pack-"));
  const folder = join(root, "tests/upgrade", version);
  try {
    const { stdout } = await run("git", ["rev-parse", "--verify", `${commit}^{commit}`], {
      cwd: root,
    });
    const tarball = join(source, "source.tar");
    await run("git", ["archive", "--output", tarball, commit, "sdk", "functions"], { cwd: root });
    await run("tar", ["-xf", tarball, "-C", source]);
    await symlink(join(root, "node_modules"), join(source, "node_modules"));
    await mkdir(join(folder, "functions"), { recursive: true });

    const packages = new Set<string>();
    const put = async (into: string, entries: Record<string, string>, conditions: string[]) => {
      for (const { fileName, code, moduleIds } of await bundle(source, entries, conditions)) {
        await writeFile(join(folder, into, fileName), code);
        for (const name of packagesOf(moduleIds)) packages.add(name);
      }
    };
    await put("", { sdk: "sdk/src/index.ts" }, ["node", "import"]);
    const found = await readdir(join(source, "functions"));
    const names = found.filter((name) => !/^_|\.json$/.test(name));
    const entries = Object.fromEntries(names.map((name) => [name, `functions/${name}/index.ts`]));
    await put("functions", entries, ["deno", "worker", "import"]);
    await writeFile(join(folder, "README.md"), readme(version, stdout.trim(), packages));
    return (await readdir(folder, { recursive: true })).sort();
  } finally {
    await rm(source, { recursive: true });
  }
}

/** The files of these entries, with everything that they import. */
async function bundle(source: string, entries: Record<string, string>, conditions: string[]) {
  const { output } = (await build({
    root: source,
    configFile: false,
    logLevel: "error",
    resolve: { conditions, preserveSymlinks: true },
    build: {
      write: false,
      target: "es2023",
      minify: true,
      modulePreload: false,
      rolldownOptions: {
        input: Object.fromEntries(
          Object.entries(entries).map(([name, path]) => [name, join(source, path)]),
        ),
        external: /^node:/,
        preserveEntrySignatures: "strict",
        platform: "node",
        output: {
          format: "es",
          entryFileNames: "[name].js",
          chunkFileNames: "shared-[name].js",
          ...(Object.keys(entries).length === 1 && { codeSplitting: false }),
        },
      },
    },
  })) as Rolldown.RolldownOutput;
  return output.filter((file) => file.type === "chunk");
}

const packagesOf = (moduleIds: string[]) =>
  moduleIds.flatMap((id) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []);

const readme = (
  version: string,
  commit: string,
  packages: Set<string>,
) => `# Mayfly ${version}, packed

The SDK and the edge functions of ${version} as its users run them: bundled and minified, each file with
its dependencies in it. \`tests/upgrade\` runs them against the SQL of today, which serves the release before.

- Made by \`node scripts/pack-release.ts ${version} ${commit.slice(0, 12)}\` from commit ${commit}. Do not edit.
- Mayfly is under the Apache License 2.0 (\`LICENSE\` of this repository). Bundled with it, each under the
  licence of its own package: ${[...packages].sort().join(", ")}.
`;

if (import.meta.main) {
  const [version = "", commit = ""] = readArguments("<version> <commit>").words;
  for (const file of await packRelease(version, commit))
    console.log(`wrote tests/upgrade/${version}/${file}`);
}
