import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import * as sdk from "@mayfly/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashOfSources, madeFrom } from "../../scripts/reference/sources.ts";
import { programOfExample, readExamples } from "./examples.ts";

const root = join(import.meta.dirname, "../..");
const folder = join(root, "docs/reference");

describe("the API reference", () => {
  // If a docstring is missing, the reference cannot be made. Reading all types takes ten seconds.
  it("is up to date with the sources (npm run build:reference)", async () => {
    const index = await readFile(join(folder, "README.md"), "utf8");
    expect(index).toContain(madeFrom(await hashOfSources()));
  });

  it("has every export of the SDK, with a sentence about it", async () => {
    const index = await readFile(join(folder, "README.md"), "utf8");
    const listed = [...index.matchAll(/^\| \[(\w+)\]\([^)]+\) +\| \S.* \|$/gm)].map(
      ([, name]) => name,
    );
    const source = await readFile(join(root, "sdk/src/index.ts"), "utf8");
    const types = [...source.matchAll(/\{([^}]+)\}/g)].flatMap(([, names = ""]) =>
      names.split(",").map((name) => name.replace(/^\s*type /, "").trim()),
    );
    // A file with only types is exported as a whole.
    const whole = [...source.matchAll(/export type \* from "\.\/([^"]+)"/g)].map(([, file]) =>
      readFile(join(root, "sdk/src", file ?? ""), "utf8"),
    );
    const inThem = (await Promise.all(whole)).flatMap((text) =>
      [...text.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name),
    );
    const exported = new Set([...types, ...inThem, ...Object.keys(sdk)].filter(Boolean));
    exported.delete("Database"); // generated from the database
    expect([...exported].sort()).toEqual(listed.sort());
  });

  it("describes every method of an agent and of Mayfly", async () => {
    const hidden = await protectedNames();
    const told = async (page: string) => (await readFile(join(folder, page), "utf8")).split("\n");
    for (const [type, page] of [
      [sdk.Agent, "agent.md"],
      [sdk.Mayfly, "mayfly.md"],
    ] as const) {
      const lines = await told(page);
      const missing = methodsOf(type.prototype).filter(
        (name) =>
          !hidden.has(name) &&
          !lines.includes(`## ${name}()`) &&
          !lines.some((line) => line.startsWith(`| \`${name}`)),
      );
      expect(missing).toEqual([]);
    }
  });
});

describe("the examples of the docstrings", () => {
  let programs: string;
  beforeAll(async () => {
    // The folder is in the repository, so that the repository's packages are found.
    programs = await mkdtemp(join(root, "tests/docs/.run-"));
  });
  afterAll(() => rm(programs, { recursive: true }));

  it("have the types that they claim", async () => {
    const examples = await readExamples();
    expect(examples.length).toBeGreaterThan(40);
    for (const [n, example] of examples.entries())
      await writeFile(join(programs, `${n}.ts`), programOfExample(example));
    const compilerOptions = { incremental: false };
    const include = ["*.ts", "../given.d.ts"];
    const config = { extends: "../../../tsconfig.json", compilerOptions, include };
    await writeFile(join(programs, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = await promisify(execFile)(process.execPath, [
      tsc,
      "-p",
      programs,
      "--checkers",
      "1",
    ]).catch(({ stdout }: { stdout: string }) => ({ stdout }));
    const wrong = stdout.matchAll(/(\d+)\.ts\(\d+,\d+\): error (.+)/g);
    expect([...wrong].map(([, n, error]) => `${examples[Number(n)]?.at}: ${error}`)).toEqual([]);
    expect(await readdir(programs)).toHaveLength(examples.length + 1);
  });
});

/** Callers cannot reach it, although the prototype has it. */
async function protectedNames(): Promise<Set<string>> {
  const sources = join(root, "sdk/src");
  const files = (await readdir(sources, { recursive: true })).filter((name) =>
    /^(agent|mayfly).*\.ts$/.test(name),
  );
  const texts = await Promise.all(files.map((name) => readFile(join(sources, name), "utf8")));
  const declared = /^ {2}protected (?:override )?(?:async )?(?:get )?(\w+)\(/gm;
  return new Set(
    texts.flatMap((text) => [...text.matchAll(declared)].map(([, name = ""]) => name)),
  );
}

/** Including those of the class that it extends. */
function methodsOf(prototype: object): string[] {
  const names: string[] = [];
  for (let one = prototype; one !== Object.prototype; one = Object.getPrototypeOf(one))
    names.push(...Object.getOwnPropertyNames(one));
  return [...new Set(names)].filter((name) => name !== "constructor");
}
