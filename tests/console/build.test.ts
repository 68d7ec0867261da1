import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildConsole } from "../../scripts/build-console.ts";

describe("building the console", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "mayfly-console-"));
    await mkdir(join(root, "console/src"), { recursive: true });
    await put("console/index.html", '<script type="module" src="/src/main.ts"></script>');
    await put("console/src/main.ts", 'document.title = "first";');
    await put("package-lock.json", "{}");
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const put = (path: string, text: string) => writeFile(join(root, path), text);
  const built = async () => {
    const folder = join(root, "console/dist");
    const files = await readdir(folder, { recursive: true }).catch(() => []);
    const scripts = files.filter((file) => file.endsWith(".js"));
    return Promise.all(scripts.map((file) => readFile(join(folder, file), "utf8")));
  };

  it("builds again only if a source or an installed package has changed", async () => {
    await buildConsole(root);
    expect((await built()).join()).toContain("first");
    const marks = join(root, "console/dist/mark");
    await writeFile(marks, "");
    await buildConsole(root);
    expect(await readFile(marks, "utf8")).toBe("");
    await put("package-lock.json", '{ "packages": {} }');
    await buildConsole(root);
    await expect(readFile(marks)).rejects.toThrow();
    await put("console/src/main.ts", 'document.title = "second";');
    await buildConsole(root);
    expect((await built()).join()).toContain("second");
  });

  it("builds what users get, even from a test", async () => {
    expect(process.env.NODE_ENV).toBe("test");
    await put("console/src/main.ts", "document.title = process.env.NODE_ENV;");
    await buildConsole(root);
    expect((await built()).join()).toContain("production");
    expect(process.env.NODE_ENV).toBe("test");
  });

  it("keeps a page that another process has built in the meantime and may be reading", async () => {
    const mark = join(root, "console/dist/mark");
    const builds = [buildConsole(root), buildConsole(root)];
    await Promise.race(builds);
    await writeFile(mark, "");
    await Promise.all(builds);
    expect(await readFile(mark, "utf8")).toBe("");
    expect(await readdir(join(root, "console"))).not.toContainEqual(expect.stringMatching("dist-"));
  });

  it("leaves no page if a package is missing, and builds when it is installed", async () => {
    await buildConsole(root);
    await put(
      "console/src/main.ts",
      'import { title } from "not-installed"; document.title = title;',
    );
    await expect(buildConsole(root)).rejects.toThrow("not-installed");
    expect(await readdir(join(root, "console"))).not.toContain("dist");
    await mkdir(join(root, "node_modules/not-installed"), { recursive: true });
    await put(
      "node_modules/not-installed/package.json",
      '{ "main": "index.js", "type": "module" }',
    );
    await put("node_modules/not-installed/index.js", 'export const title = "third";');
    await buildConsole(root);
    expect((await built()).join()).toContain("third");
  });
});
