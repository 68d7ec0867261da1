import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HUGE_BYTES, scan } from "../../examples/learn-a-folder/scan.ts";
import { shareOut } from "../../examples/learn-a-folder/share.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-scan-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(files: Record<string, string | Uint8Array>) {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}
const paths = async (at = folder) => (await scan(at)).files.map((file) => file.path);
const skipped = async () => Object.fromEntries((await scan(folder)).skipped);

describe("when a folder is scanned for text files,", () => {
  test("they are listed with their sizes, in the order of their paths", async () => {
    await write({ "b.md": "# B", "a/deep/c.ts": "x", Makefile: "all:", "empty.txt": "" });
    expect((await scan(folder)).files).toEqual([
      { path: "Makefile", bytes: 4 },
      { path: "a/deep/c.ts", bytes: 1 },
      { path: "b.md", bytes: 3 },
      { path: "empty.txt", bytes: 0 },
    ]);
  });

  test("binary, huge, generated, hidden and secret files are skipped and counted", async () => {
    await write({
      "a.md": "# A",
      "picture.png": new Uint8Array([137, 80, 78, 71, 0, 1]),
      "latin.txt": new Uint8Array([0x63, 0x61, 0x66, 0xe9, 0x20]),
      "huge.txt": "x".repeat(HUGE_BYTES + 1),
      "package-lock.json": "{}",
      "data.csv": "a,b",
      ".env": "SECRET=1",
      "server.pem": "-----BEGIN",
      ".git/config": "x",
      "node_modules/a/readme.md": "x",
    });
    expect(await paths()).toEqual(["a.md"]);
    expect(await skipped()).toEqual({
      binary: 2,
      huge: 1,
      generated: 2,
      hidden: 1,
      secret: 1,
      ignored: 1,
    });
  });

  test("files that .gitattributes marks as generated are skipped, unless the last matching line says otherwise", async () => {
    await write({
      ".gitattributes":
        "# what programs write\n*.sql linguist-generated\nhand.sql -linguist-generated\napi/** text linguist-generated=true\n",
      "schema.sql": "create table a ();",
      "hand.sql": "create table b ();",
      "api/deep/one.md": "# One",
      "sub/.gitattributes": "two.md linguist-generated\nthree.md linguist-generated=false\n",
      "sub/two.md": "# Two",
      "sub/three.md": "# Three",
    });
    expect(await paths()).toEqual(["hand.sql", "sub/three.md"]);
    expect(await skipped()).toEqual({ generated: 3, hidden: 2 });
  });

  test("a character cut at the end of the sample does not make a text binary", async () => {
    await write({ "a.txt": `${"x".repeat(8191)}é and more` });
    expect(await paths()).toEqual(["a.txt"]);
  });

  test("ignore files work as in git: nested, negated, anchored, for folders only", async () => {
    await write({
      ".gitignore": "*.log.txt\n/build/\nsecret*\n!secret-not.md\ndocs/only/\n",
      "a.log.txt": "x",
      "build/out.js": "x",
      "src/build/kept.js": "x",
      "secret.md": "x",
      "secret-not.md": "x",
      "docs/only": "a file of that name",
      "src/.gitignore": "!keep.log.txt\nlocal.md\n",
      "src/keep.log.txt": "x",
      "src/local.md": "x",
      "local.md": "x",
    });
    await mkdir(join(folder, ".git"));
    expect(await paths()).toEqual([
      "docs/only",
      "local.md",
      "secret-not.md",
      "src/build/kept.js",
      "src/keep.log.txt",
    ]);
  });

  test("the ignore files of the repository around it apply too", async () => {
    await write({
      ".gitignore": "*.tmp.md\n",
      ".git/info/exclude": "mine.md\n",
      "pkg/.gitignore": "dist\n",
      "pkg/src/a.md": "x",
      "pkg/src/b.tmp.md": "x",
      "pkg/src/mine.md": "x",
      "pkg/src/dist/c.md": "x",
    });
    expect(await paths(join(folder, "pkg/src"))).toEqual(["a.md"]);
  });

  test("links are not followed, so a loop ends", async () => {
    await write({ "a/a.md": "x" });
    await symlink("..", join(folder, "a/up"));
    await symlink("nowhere", join(folder, "broken"));
    expect(await paths()).toEqual(["a/a.md"]);
    expect(await skipped()).toEqual({ link: 2 });
  });

  test("unreadable files are counted, and the scan continues", async () => {
    await write({ "a.md": "x", "closed.md": "x", "closed/b.md": "x" });
    await chmod(join(folder, "closed.md"), 0);
    await chmod(join(folder, "closed"), 0);
    await chmod(folder, 0o755);
    const found = await asNobody(() => scan(folder));
    await chmod(join(folder, "closed"), 0o755);
    expect(found.files.map((file) => file.path)).toEqual(["a.md"]);
    expect(found.unreadable.toSorted()).toEqual(["closed", "closed.md"]);
    expect(found.skipped.get("unreadable")).toBe(2);
  });

  test("the scan stops when it is told to", async () => {
    await write({ "a.md": "x" });
    await expect(scan(folder, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });
});

/** Root can read everything, whatever the mode is. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0 || !process.seteuid) return work();
  process.seteuid(65534);
  try {
    return await work();
  } finally {
    process.seteuid(0);
  }
}

describe("when files are distributed,", () => {
  const files = (...sizes: number[]) => sizes.map((bytes, index) => ({ path: `f${index}`, bytes }));

  test("all readers get about the same amount", () => {
    const bytes = shareOut(files(100, 10, 10, 10, 10, 60, 40, 60), 3).map((share) =>
      share.reduce((sum, file) => sum + file.bytes, 0),
    );
    expect(bytes).toEqual([100, 100, 100]);
  });

  test("there are fewer readers if there are fewer files than readers", () => {
    expect(shareOut(files(1, 2), 4)).toHaveLength(2);
    expect(shareOut([], 4)).toEqual([]);
  });

  test("empty files are spread too", () => {
    expect(shareOut(files(0, 0, 0, 0), 4).map((share) => share.length)).toEqual([1, 1, 1, 1]);
  });

  test("each file goes to one reader, and shares differ by at most the largest file", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(10_000)), fc.integer({ min: 1, max: 8 }), (sizes, readers) => {
        const shares = shareOut(files(...sizes), readers);
        const all = shares.flat().map((file) => file.path);
        expect(all.toSorted()).toEqual(
          files(...sizes)
            .map((file) => file.path)
            .toSorted(),
        );
        const sums = shares.map((share) => share.reduce((sum, file) => sum + file.bytes, 0));
        const spread = Math.max(0, ...sums) - Math.min(...sums, Number.MAX_SAFE_INTEGER);
        expect(spread).toBeLessThanOrEqual(Math.max(0, ...sizes));
      }),
    );
  });
});
