import { resolve } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { readOptions, repository } from "../../examples/learn-a-folder/options.ts";

describe("the command line of the demo", () => {
  test("learns this repository with four agents unless told otherwise", async () => {
    expect(await readOptions([])).toEqual({
      folder: repository,
      questions: [],
      agents: 4,
      lifetime: 120,
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

  test.each([
    [["/no/such/folder"], "There is no folder /no/such/folder."],
    [[import.meta.filename], `${import.meta.filename} is a file, not a folder.`],
    [["--lifetime", "3"], "whole number from 5 to 900"],
    [["--agents", "many"], "whole number from 1 to 50"],
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
