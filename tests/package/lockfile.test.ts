import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

interface Locked {
  optionalDependencies?: Record<string, string>;
  resolved?: string;
}

const lockfile = join(import.meta.dirname, "../../package-lock.json");

it("the lockfile has the optional packages of every platform, so no install adds any", async () => {
  const { packages } = JSON.parse(await readFile(lockfile, "utf8")) as {
    packages: Record<string, Locked>;
  };
  const lacking: string[] = [];
  let asked = 0;
  for (const [path, { optionalDependencies = {} }] of Object.entries(packages)) {
    for (const name of Object.keys(optionalDependencies)) {
      asked++;
      // Node looks for the package next to the one that needs it, and in each node_modules above.
      const folders = [path];
      for (let at = path; at !== ""; at = folders[0] ?? "") {
        folders.unshift(at.replace(/\/?(node_modules\/(@[^/]+\/)?[^/]+|[^/]+)$/, ""));
      }
      const found = folders.some((folder) => {
        const place = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
        return place in packages;
      });
      if (!found) lacking.push(`${name} of ${path}`);
    }
  }
  expect(asked).toBeGreaterThan(50);
  expect(lacking).toEqual([]);
});
