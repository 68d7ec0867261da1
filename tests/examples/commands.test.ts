/** The examples and scripts as commands: their arguments, and how they fail. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { announce } from "./announced.ts";

const root = join(import.meta.dirname, "../..");

let local: TestLocal;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-commands-"));
  local = await startTestLocal();
  await announce(local, join(folder, ".mayfly"));
});
afterAll(async () => {
  await local?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

function run(program: string, words: string[] = [], cwd = folder, env = {}) {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const options = { cwd, env: { ...process.env, ...env } };
    execFile(process.execPath, [join(root, program), ...words], options, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

describe("an example", () => {
  it.each([
    ["smallest.ts", ""],
    ["worker.ts", ""],
    ["teams/index.ts", ""],
    ["jobs/code-analysis.ts", " [folder]"],
    ["ask-a-team/index.ts", " <folder> <question>"],
  ])("shows its arguments and what it is for, and refuses others: %s", async (name, form) => {
    const program = `examples/${name}`;
    const [help, option, word] = await Promise.all([
      run(program, ["--help"]),
      run(program, ["--bogus"]),
      run(program, ["one", "two", "three"]),
    ]);
    const usage = `${name}${form}\n`;
    expect(help).toMatchObject({ code: 0, err: "" });
    expect(help.out).toContain(usage);
    expect(option).toMatchObject({ code: 2, out: "" });
    expect(option.err).toMatch(/^Unknown option '--bogus'\. Usage: /);
    expect(option.err.endsWith(usage)).toBe(true);
    expect(word).toMatchObject({ code: 2, out: "" });
    expect(word.err).toMatch(/^Too many arguments\. Expected \d arguments? but got 3\. Usage: /);
  });

  it("refuses a number that is none, and names a missing argument", async () => {
    const [number, missing] = await Promise.all([
      run("examples/jobs/monitoring.ts", ["often"]),
      run("examples/ask-a-team/index.ts", ["docs"]),
    ]);
    expect(number.err).toBe("checks must be an integer from 1 to 1000, and not often.\n");
    expect(missing.err).toMatch(/^Missing required argument 'question'\. Usage: /);
  });

  it.each(["smallest.ts", "smallest-run.ts", "messages.ts"])(
    "says in one line that the key is wrong: %s",
    async (name) => {
      const cwd = await mkdtemp(join(folder, "wrong-"));
      const wrong = Object.assign(Object.create(local), { secretKey: "sb_secret_wrong" });
      await announce(wrong, join(cwd, ".mayfly"));
      const { code, out, err } = await run(`examples/${name}`, [], cwd);
      expect([code, out]).toEqual([1, ""]);
      expect(err).toMatch(/^[^\n]*key[^\n]*\n$/i);
    },
  );

  it("names a run that failed, and how to look at it", async () => {
    const refusing = createServer((_, response) => {
      response.writeHead(401, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message: "Incorrect API key provided." } }));
    });
    await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
    const { port } = refusing.address() as AddressInfo;
    const model = {
      MODEL: "openai/gpt-5-mini",
      OPENAI_API_KEY: "sk-wrong",
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
    };
    const ended = await run("examples/smallest-run.ts", [], folder, model);
    refusing.close();
    expect(ended.code).toBe(1);
    const [failed] = await local.sql`select id from mayfly.runs where status = 'failed'`;
    expect(ended.err).toContain(`npx mayfly runs ${failed?.id} --tenant example`);
    expect(ended.err).toMatch(/The run failed: .*Incorrect API key/);
    expect(`${ended.out}${ended.err}`).not.toMatch(/^ +at /m);
  });
});

describe("every example and script", () => {
  it("reads its arguments, so that none is ignored or taken for something else", async () => {
    const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const text = [
      await readFile(join(root, "examples/README.md"), "utf8"),
      ...Object.values(scripts),
    ];
    const programs = new Set(text.join("\n").match(/\b(examples|scripts)\/[\w/-]+\.ts/g));
    expect(programs.size).toBeGreaterThan(25);
    const reads = /readArguments\(|as-command\.ts|readOptions\(/;
    for (const program of programs)
      expect(await readFile(join(root, program), "utf8"), program).toMatch(reads);
    for (const part of ["examples", "scripts"])
      for (const file of await readdir(join(root, part), { recursive: true })) {
        if (!file.endsWith(".ts") || /node_modules|^arguments\.ts|learn-a-folder/.test(file))
          continue;
        const source = await readFile(join(root, part, file), "utf8");
        // The path of the program itself, to start it again.
        expect(source.replaceAll("process.argv[1]", ""), file).not.toContain("process.argv");
      }
  });
});
