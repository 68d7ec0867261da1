/** What somebody with an old Node reads. */
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const old = `data:text/javascript,Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })`;

describe.each([
  ["cli/cli.js", "mayfly needs Node 22.18 or later, and this is 20.20.2"],
  ["create/create.js", "Mayfly needs Node 22.18 or later, and this is 20.20.2"],
  ["local/cli.js", "The embedded Supabase needs Node 22.18 or later, and this is 20.20.2"],
  ["scripts/check-node.js", "This script needs Node 22.18 or later, and this is 20.20.2"],
])("%s on Node 20", (entry, sentence) => {
  let folder: string;
  beforeAll(async () => {
    // Outside of the repository, whose own Node would take over.
    folder = await mkdtemp(join(tmpdir(), "mayfly-old-node-"));
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await copyFile(join(root, entry), join(folder, "entry.js"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("says which Node it needs and where to get it, and fails", async () => {
    const { code, out, err } = await new Promise<{ code: unknown; out: string; err: string }>(
      (resolve) => {
        const words = ["--import", old, join(folder, "entry.js"), "--version"];
        execFile(process.execPath, words, (error, out, err) =>
          resolve({ code: error?.code, out, err }),
        );
      },
    );
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(sentence);
    expect(err).toContain("https://nodejs.org");
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});

it("every npm script that runs a program for people checks the version of Node before the program", async () => {
  const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  for (const name of ["prestart", "dev", "seed", "demo", "ask", "example:chat", "example:browser"])
    expect(scripts[name], name).toMatch(/^node scripts\/check-node\.js && node \S+\.ts$/);
});
