import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

interface Entry {
  optionalDependencies?: Record<string, string>;
}

/** The registry's mirror, by which the file is made, has these for one platform alone. */
const unavailable = "@supabase/cli-";

/** Else `npm install` adds them to the file: a fresh clone has a change, and other platforms take unpinned hashes. */
it("the lock file has the optional packages of every platform", async () => {
  const path = join(import.meta.dirname, "../../package-lock.json");
  const { packages } = JSON.parse(await readFile(path, "utf8")) as {
    packages: Record<string, Entry>;
  };
  const missing = Object.entries(packages).flatMap(([folder, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        !name.startsWith(unavailable) &&
        !(`${folder}/node_modules/${name}` in packages || `node_modules/${name}` in packages),
    ),
  );
  expect(missing).toEqual([]);
});
