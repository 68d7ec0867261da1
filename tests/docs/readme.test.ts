import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { errorCodes } from "../../sdk/src/index.ts";

const root = join(import.meta.dirname, "../..");
const read = (...path: string[]) => readFile(join(root, ...path), "utf8");

async function readAll(folder: string): Promise<string> {
  const files = await readdir(join(root, folder), { recursive: true });
  const texts = files.filter((file) => /\.(ts|sql)$/.test(file)).map((file) => read(folder, file));
  return (await Promise.all(texts)).join("\n");
}

describe("the README", () => {
  it("explains every error code, and no other", async () => {
    const table = /### Errors\n([\s\S]*?)\n## /.exec(await read("README.md"))?.[1] ?? "";
    const explained = [...table.matchAll(/^\| `([a-z_]+)` *\|/gm)].map((match) => match[1]);
    expect(explained.sort()).toEqual([...errorCodes].sort());
  });

  it("lists every scope that there is", async () => {
    const readme = await read("README.md");
    const table = await read("sql/schemas/0100_table_scopes.sql");
    const scopes = [...table.matchAll(/^ {2}\('([a-z:]+)'/gm)].map((match) => match[1]);
    expect(scopes.length).toBeGreaterThan(5);
    expect(scopes.filter((scope) => !readme.includes(`\`${scope}\``))).toEqual([]);
  });

  it("has every command, in a form that the command line takes, and no other", async () => {
    const section = /## Command line\n([\s\S]*?)\n## /.exec(await read("README.md"))?.[1] ?? "";
    const lines = [...section.matchAll(/^npx mayfly ([a-z]+)(.*)$/gm)];
    const sources = await readdir(join(root, "sdk/src/cli"));
    const texts = await Promise.all(sources.map((file) => read("sdk/src/cli", file)));
    const commands = texts.flatMap((text) =>
      [...text.matchAll(/\.command\("([a-z]+)"\)/g)].map(([, name]) => ({ name, text })),
    );
    expect(new Set(lines.map(([, name]) => name))).toEqual(
      new Set(commands.map(({ name }) => name)),
    );
    for (const [line, name, words = ""] of lines) {
      const { text = "" } = commands.find((command) => command.name === name) ?? {};
      for (const [option] of words.replace(/#.*/, "").matchAll(/--[a-z-]+/g))
        expect(text, line).toMatch(new RegExp(`"${option}[ "]`));
    }
  });

  it("has the smallest example as it is run", async () => {
    expect(await read("README.md")).toContain(await read("examples/smallest.ts"));
  });
});

describe("the SDK that a browser loads", () => {
  it("has nothing of the command line", async () => {
    const seen = new Set<string>();
    const follow = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      for (const [, imported = ""] of (await readFile(path, "utf8")).matchAll(/from "(\.[^"]+)"/g))
        await follow(join(path, "..", imported));
    };
    await follow(join(root, "sdk/src/index.ts"));
    expect(seen.size).toBeGreaterThan(20);
    expect([...seen].filter((path) => path.includes("/cli/"))).toEqual([]);
  });

  it("has the version of its package, as the functions and the command line say it", async () => {
    const { version } = JSON.parse(await read("sdk/package.json")) as { version: string };
    expect(await read("sdk/src/version.ts")).toContain(`"${version}"`);
  });
});

describe("the error codes", () => {
  it("of SQL and the functions are those of the SDK", async () => {
    const sql = [...(await readAll("sql/schemas")).matchAll(/fail\(\s*\d+, '([a-z_]+)'/g)];
    const functions = [
      ...(await readAll("functions")).matchAll(/new Refusal\(\s*\d+,\s*"([a-z_]+)"/g),
    ];
    const used = [...sql, ...functions].map((match) => match[1] ?? "");
    expect(used.length).toBeGreaterThan(40);
    expect(used.filter((code) => !(errorCodes as readonly string[]).includes(code))).toEqual([]);
  });
});
