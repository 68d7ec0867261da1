/** The examples with a model, as a person without a key runs them: facts, the smallest run, the tutorial. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MockLanguageModelV4 } from "ai/test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { readInFolder, searchFolder } from "../../examples/ask-a-team/folder.ts";
import { extractByRules } from "../../examples/facts/by-rules.ts";
import { linesOf, toFacts } from "../../examples/facts/extraction.ts";
import { extractByModel } from "../../examples/facts/with-model.ts";
import { keys } from "../../examples/model.ts";
import { blocksOf } from "../docs/programs.ts";
import { announce } from "./announced.ts";

const root = join(import.meta.dirname, "../..");
let local: TestLocal;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mayfly-example-facts-"));
  local = await startTestLocal();
  await announce(local, join(folder, ".mayfly"));
});
afterAll(async () => {
  await local?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});
const { ...env } = process.env;
for (const key of [...keys, "MODEL"]) delete env[key];
const run = async () => {
  const program = join(root, "examples/facts/index.ts");
  return (await promisify(execFile)(process.execPath, [program], { cwd: folder, env })).stdout;
};

describe("the example of facts", () => {
  it("says that a stand-in extracts facts if there is no key, and answers from these facts", async () => {
    const said = await run();
    expect(said).toMatch(/AI_GATEWAY_API_KEY is not set, so a rule-based stand-in extracts/);
    expect(said).toContain("7 facts: 6 new, 1 in place of another, 0 confirmed");
    expect(said).toMatch(/^ {2}billing owner Tom$/m);
    expect(said).toContain("On 5 March the owner of billing was Ines.");
    expect(said).toMatch(
      /billing needs (ledger \(1\), mail \(1\)|mail \(1\), ledger \(1\)), Postgres \(2\)/,
    );
    // After the second run, nothing is stored twice.
    expect(await run()).toMatch(/7 facts: 0 new, 0 in place of another, 7 confirmed/);
  });

  it("takes facts that a model of the AI SDK extracts with the requested schema", async () => {
    const lines = linesOf(await readFile(join(root, "examples/facts/transcript.txt"), "utf8"));
    const scripted = extractByRules(lines);
    const model = new MockLanguageModelV4({
      modelId: "scripted: no model, it answers what the test says",
      doGenerate: async () => ({
        content: [
          {
            type: "text",
            text: JSON.stringify({ elements: [...scripted, { ...scripted[0], line: 99 }] }),
          },
        ],
        finishReason: { unified: "stop", raw: undefined },
        usage: {
          inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
          outputTokens: { total: 1, text: 1, reasoning: undefined },
        },
        warnings: [],
      }),
    });
    const found = await extractByModel(model, lines);
    expect(found).toHaveLength(scripted.length + 1);
    const asked = JSON.stringify(model.doGenerateCalls[0]);
    expect(asked).toContain("9. Maya: Thanks! Lunch?");
    expect(asked).toContain("depends_on");
    // A fact from a line that does not exist is dropped.
    const facts = toFacts(found, lines);
    expect(facts).toHaveLength(scripted.length);
    expect(facts[0]).toMatchObject({
      source: expect.stringContaining("Maya: "),
      validFrom: lines[0]?.at,
    });
  });
});

it("the smallest run answers with a stand-in that says so, and is recorded", async () => {
  const program = join(root, "examples/smallest-run.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [program], { cwd: folder, env });
  expect(stdout).toMatch(/^Order 17 did not arrive: .*lost on the way/);
  expect(stdout).toMatch(
    /a scripted stand-in \(no model: .*\), 2 steps\. To see the run: npx mayfly runs [0-9a-f-]{36}/,
  );
});

describe("the smallest run with a key or a name that is wrong", () => {
  const fails = async (more: Record<string, string>) => {
    const program = join(root, "examples/smallest-run.ts");
    const ended = promisify(execFile)(process.execPath, [program], {
      cwd: folder,
      env: { ...env, ...more },
    });
    const { code, stderr } = await ended.then(
      () => ({ code: 0, stderr: "" }),
      (error: { code: number; stderr: string }) => error,
    );
    expect(code).toBe(1);
    return stderr.trim().split("\n");
  };

  it("ends with one line that says so", async () => {
    const provider = createServer((_request, response) => {
      response.writeHead(401, { "content-type": "application/json" });
      response.end('{"error":{"message":"Incorrect API key provided: sk-wrong."}}');
    });
    await once(provider.listen(0, "127.0.0.1"), "listening");
    try {
      const { port } = provider.address() as AddressInfo;
      const lines = await fails({
        OPENAI_API_KEY: "sk-wrong",
        OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
      });
      expect(lines).toEqual([expect.stringContaining("Incorrect API key provided")]);
    } finally {
      provider.close();
    }
    expect(await fails({ MODEL: "gpt-5" })).toEqual([
      '"gpt-5" is not a model. Use provider/model, such as openai/gpt-5-mini.',
    ]);
  });
});

it("an agent answers a client of the A2A protocol", async () => {
  const program = join(root, "examples/a2a.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [program], { cwd: folder, env });
  expect(stdout).toMatch(/\/analyst: Says why an order failed\.\nYou asked: Why did order 17 not/);
  expect(stdout).toMatch(
    /a scripted stand-in \(no model: .*\)\. To see the run: npx mayfly runs [0-9a-f-]{36}/,
  );
});

describe("the tutorial", () => {
  it("runs command by command without a key, and prints what the page shows", async () => {
    const page = await readFile(join(root, "docs/tutorial.md"), "utf8");
    // These commands run without changing the clone.
    const shims = `
      npm() { shift 3; INIT_CWD='${root}' '${process.execPath}' '${root}/examples/ask-a-team/index.ts' "$@"; }
      npx() { shift; '${process.execPath}' '${root}/cli/cli.js' "$@"; }`;
    let said = "";
    let ran = 0;
    for (const [, language, block = ""] of page.matchAll(/^```(sh|text)\n([\s\S]*?)^```$/gm)) {
      const lines = block.trim().split("\n");
      if (language === "text") {
        for (const line of lines) expect(said).toContain(line);
        continue;
      }
      if (lines[0] === "npm install") continue;
      for (const line of lines) {
        const command = `${shims}\n${line.replaceAll("$PWD", root)}`;
        said = (await promisify(execFile)("bash", ["-c", command], { cwd: folder, env })).stdout;
        expect(said, line).not.toBe("");
        ran++;
      }
    }
    expect(ran).toBe(5);
    const source = await readFile(join(root, "examples/ask-a-team/index.ts"), "utf8");
    const quoted = blocksOf(page, "typescript");
    expect(quoted.length).toBeGreaterThan(3);
    for (const block of quoted) expect(source).toContain(block);
  });

  it("has a librarian that reads nothing outside the folder", async () => {
    const inside = join(folder, "notes");
    await mkdir(inside);
    await writeFile(join(folder, "secret.txt"), "The secret of the key.");
    await writeFile(join(inside, "keys.md"), "The key is under the mat.\nNothing.");
    expect(await searchFolder(inside, "Where does the key lie under?")).toEqual([
      { path: "keys.md", line: 1, text: "The key is under the mat." },
    ]);
    expect(await readInFolder(inside, "keys.md")).toContain("under the mat");
    await expect(readInFolder(inside, "../secret.txt")).rejects.toThrow("not in the folder");
  });
});
