import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCodes } from "@mayfly/sdk";
import { describe, expect, it } from "vitest";
import { inspectFiles } from "#harness/inspect";
import { docPages, root } from "./pages.ts";

const read = (...path: string[]) => readFile(join(root, ...path), "utf8");

async function readAll(folder: string): Promise<string> {
  const files = await readdir(join(root, folder), { recursive: true });
  const texts = files.filter((file) => /\.(ts|sql)$/.test(file)).map((file) => read(folder, file));
  return (await Promise.all(texts)).join("\n");
}

describe("the reference", () => {
  it("explains exactly the error codes", async () => {
    const table = await read("docs/errors.md");
    const explained = [...table.matchAll(/^\| `([a-z_]+)` *\|/gm)].map((match) => match[1]);
    expect(explained.sort()).toEqual([...errorCodes].sort());
  });

  it("lists every scope", async () => {
    const page = await read("docs/people.md");
    const found = await readdir(join(root, "sql"), { recursive: true });
    const files = found.filter((file) => file.endsWith("/scopes.sql") && !file.includes("tables"));
    const texts = await Promise.all(files.map((file) => read("sql", file)));
    const scopes = [...texts.join("\n").matchAll(/^ {2}\('([a-z:]+)'/gm)].map((match) => match[1]);
    expect(scopes.length).toBeGreaterThan(5);
    expect(scopes.filter((scope) => !page.includes(`\`${scope}\``))).toEqual([]);
  });

  it("has exactly the commands of the command line", async () => {
    const lines = (await read("docs/cli.md")).matchAll(/^npx mayfly ([a-z]+)/gm);
    const found = await readdir(join(root, "cli/src"), { recursive: true });
    const sources = found.filter((file) => file.endsWith(".ts"));
    const texts = await Promise.all(sources.map((file) => read("cli/src", file)));
    const commands = texts.flatMap((text) => [
      ...text.matchAll(/program\s*\.command\("([a-z]+)"\)/g),
    ]);
    expect(new Set([...lines].map(([, name]) => name))).toEqual(
      new Set(commands.map(([, name]) => name)),
    );
  });

  it("has exactly the ready-made queries", async () => {
    const listed = [...(await read("docs/inspect.md")).matchAll(/^\| \[([a-z_]+\.sql)\]/gm)];
    const files = [...(await inspectFiles()).keys()].map((name) => `${name}.sql`);
    expect(listed.map((match) => match[1]).sort()).toEqual(files.sort());
  });

  it("has the same limits of a tenant and of a project as SQL", async () => {
    const limits = await read("docs/limits.md");
    const columns = [...limits.matchAll(/^\| `([a-z_]+)` +\| ([0-9,]+)/gm)];
    const table = await read("sql/tenants/tables/tenants.sql");
    expect(columns.length).toBeGreaterThan(5);
    for (const [, column = "", number = ""] of columns)
      expect(table).toMatch(
        number === "1" // GiB
          ? new RegExp(`${column} bigint not null default 1073741824`)
          : new RegExp(`${column} [a-z]+ not null default '?${number.replaceAll(",", "")}\\b`),
      );
  });
});

describe("the README", () => {
  it("shows the smallest examples exactly as they run", async () => {
    for (const example of ["examples/smallest.ts", "examples/smallest-run.ts"])
      expect(await read("README.md")).toContain(await read(example));
  });
});

describe("llms.txt", () => {
  it("has every page, and a line about each", async () => {
    const listed = [...(await read("llms.txt")).matchAll(/^- \[.+?\]\((.+?)\): .+$/gm)];
    const paths = listed.map((match) => match[1]);
    expect(docPages.filter((path) => !paths.includes(path))).toEqual([]);
    expect(new Set(paths).size).toBe(paths.length);
  });

  it("has the form of llmstxt.org: a title, a summary, sections of links", async () => {
    const [title, empty, summary] = (await read("llms.txt")).split("\n");
    expect([title, empty]).toEqual(["# Mayfly", ""]);
    expect(summary).toMatch(/^> ./);
  });
});

describe("the SDK that a browser loads", () => {
  it("has no code of the command line", async () => {
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

  it("has the same version as its package, the functions and the command line", async () => {
    const { version } = JSON.parse(await read("sdk/package.json")) as { version: string };
    expect(await read("sdk/src/contract/version.ts")).toContain(`"${version}"`);
  });
});

describe("the error codes", () => {
  it("of SQL and the functions equal those of the SDK", async () => {
    const sql = [...(await readAll("sql")).matchAll(/fail\(\s*\d+, '([a-z_]+)'/g)];
    const functions = [
      ...(await readAll("functions")).matchAll(/new Refusal\(\s*\d+,\s*"([a-z_]+)"/g),
    ];
    const used = [...sql, ...functions].map((match) => match[1] ?? "");
    expect(used.length).toBeGreaterThan(40);
    expect(used.filter((code) => !(errorCodes as readonly string[]).includes(code))).toEqual([]);
  });
});
