/** A bound is stated once: over made-up files that state another. */
import { describe, expect, it } from "vitest";
import { boundFaults } from "../../scripts/house/bounds.ts";

const faults = (files: Record<string, string>) =>
  boundFaults(Object.entries(files).map(([file, text]) => ({ file, text })));

describe("a bound is stated once, in the contract", () => {
  const contract = { "sdk/src/contract/a.ts": "export const fields = { task: text(2_000) };" };
  const inRoom = (text: string) =>
    faults({ ...contract, "sdk/src/memory/a.ts": text }).map(
      (sentence) => /states a bound \((.*)\):/.exec(sentence)?.[1],
    );

  it.each([
    ['import { z } from "zod"; z.string().max(200);', ".max(200)"],
    ['invalid("limit", "must be 1 to 100");', "must be 1 to 100"],
    ["invalid(`limit`, `at least 10`);", "at least 10"],
  ])("so %s is named", (text, bound) => {
    expect(inRoom(text)).toEqual([bound]);
  });

  it.each([
    'import { z } from "zod"; z.string().min(1);',
    "Math.max(200);",
    ['invalid("limit", `must be 1 to $', "{most}`);"].join(""),
    `invalid("timeout", 'must be like "10m"');`,
  ])("and %s is none", (text) => {
    expect(inRoom(text)).toEqual([]);
  });

  it("so SQL states the same", () => {
    const of = (most: number) =>
      faults({
        ...contract,
        "sql/memory/tables/memories.sql": `constraint a check (char_length(task) <= ${most})`,
      });
    expect(of(2_000)).toEqual([]);
    expect(of(1_000)).toEqual([
      "sql/memory/tables/memories.sql bounds task by 1000, and sdk/src/contract by 2000: they must be the same.",
    ]);
  });
});
