// Builds the console before npm start and before tests, unless it was built from exactly these sources and packages.
import { createHash, randomUUID } from "node:crypto";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "vite";
import { readArguments } from "../examples/arguments.ts";

const repository = join(import.meta.dirname, "..");
/** Everything that the console is built from. The second lockfile is npm's own list of installed packages. */
const sources = [
  "scripts/build-console.ts",
  ...["console/src", "console/index.html", "console/vite.config.ts", "console/package.json"],
  ...["sdk/src", "package-lock.json", "node_modules/.package-lock.json"],
];

const textOf = (path: string) => readFile(path, "utf8").catch(() => "");

/** A hash of everything that the console is built from: the sources, and the installed packages. */
async function fingerprintOf(root: string): Promise<string> {
  const hash = createHash("sha256");
  for (const source of sources) {
    const inside = await readdir(join(root, source), { recursive: true }).catch(() => []);
    for (const path of [source, ...inside.sort().map((file) => join(source, file))])
      hash.update(`${path}\0`).update(await textOf(join(root, path)));
  }
  return hash.digest("hex");
}

let builds = 0;
const ownEnvironment = process.env.NODE_ENV;

/** Vite makes a larger page for developers if NODE_ENV is `test`, as vitest sets it. */
async function inProduction(run: () => Promise<unknown>): Promise<void> {
  builds++;
  process.env.NODE_ENV = "production";
  try {
    await run();
  } finally {
    builds--;
    if (builds === 0 && ownEnvironment === undefined) delete process.env.NODE_ENV;
    else if (builds === 0) process.env.NODE_ENV = ownEnvironment;
  }
}

/**
 * Builds into a temporary folder, and renames it when it is complete, so that a failed build leaves no page.
 * A build that another process completed in the meantime stays: that process is already serving or copying it.
 */
export async function buildConsole(root = repository): Promise<void> {
  const dist = join(root, "console/dist");
  const fingerprint = await fingerprintOf(root);
  const isBuilt = async () => (await textOf(join(dist, ".built-from"))) === fingerprint;
  if (await isBuilt()) return;
  const made = `${dist}-${randomUUID()}`;
  console.log("Building the console, because its sources or packages have changed.");
  try {
    // A page built from older sources, which a failed build must not leave behind.
    await rm(dist, { recursive: true, force: true });
    await inProduction(() =>
      build({ root: join(root, "console"), logLevel: "warn", build: { outDir: made } }),
    );
    await writeFile(join(made, ".built-from"), fingerprint);
    // The rename fails if another process has already put a folder there.
    await rename(made, dist).catch(async () => {
      if (await isBuilt()) return;
      await rm(dist, { recursive: true, force: true });
      await rename(made, dist);
    });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  readArguments();
  await buildConsole();
}
