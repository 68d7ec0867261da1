import { resolve } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { readOptions, repository } from "../../examples/learn-a-folder/options.ts";

describe("the command line of the demo", () => {
  test("learns this repository with four agents unless told otherwise", async () => {
    expect(await readOptions([], {})).toEqual({
      folder: repository,
      questions: [],
      agents: 4,
      lifetime: 120,
      model: null,
      port: undefined,
      data: resolve(repository, ".mayfly"),
      json: false,
      verbose: false,
    });
  });

  test("takes a folder, questions and options in any order", async () => {
    const args = [
      "--agents",
      "8",
      import.meta.dirname,
      "one?",
      " ",
      "two?",
      "--json",
      "--lifetime=5",
    ];
    expect(await readOptions(args)).toMatchObject({
      folder: import.meta.dirname,
      questions: ["one?", "two?"],
      agents: 8,
      lifetime: 5,
      json: true,
    });
  });

  test("takes a model by its name or by the key that is set, and says what it needs", async () => {
    const nameOf = async (args: string[], env: Record<string, string>) =>
      (await readOptions(args, env))?.model?.name;
    const key = { OPENAI_API_KEY: "sk-x" };
    expect(await nameOf([], key)).toBe("openai/gpt-5-mini");
    expect(await nameOf(["--model", "openai/gpt-5"], key)).toBe("openai/gpt-5");
    expect(await nameOf(["--model", "none"], key)).toBeUndefined();
    expect(await nameOf([], { ANTHROPIC_API_KEY: "x" })).toMatch(/^anthropic\//);
    expect(await nameOf([], { GOOGLE_GENERATIVE_AI_API_KEY: "x" })).toMatch(/^google\//);
    const gateway = { AI_GATEWAY_API_KEY: "x" };
    expect(await nameOf(["--model", "xai/grok-4"], gateway)).toBe("xai/grok-4");
    for (const [name, message] of [
      ["openai/gpt-5", "openai/gpt-5 needs OPENAI_API_KEY"],
      ["gpt-5", "Use provider/model"],
      ["acme/one", "npm install @ai-sdk/acme"],
    ] as const) {
      const error = await readOptions(["--model", name], {}).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
    }
  });

  test.each([
    [["/no/such/folder"], "There is no folder /no/such/folder."],
    [[import.meta.filename], `${import.meta.filename} is a file, not a folder.`],
    [["--lifetime", "3"], "an integer from 5 to 900"],
    [["--agents", "many"], "an integer from 1 to 50"],
    [["--colour"], "unknown option '--colour'"],
  ])("says in one sentence what is wrong with %j", async (args, message) => {
    const error = await readOptions(args).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
  });

  test("shows examples when asked for help", async () => {
    const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    expect(await readOptions(["--help"])).toBeNull();
    const text = write.mock.calls.map(([chunk]) => String(chunk)).join("");
    write.mockRestore();
    expect(text).toContain("npm run demo -- ~/notes");
    expect(text).toContain("Exit codes");
  });
});
