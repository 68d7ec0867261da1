/**
 * A bound may be stated only once. Here, made-up files state a bound a second time, which has to be
 * reported.
 */
import { describe, expect, it } from "vitest";
import { boundFaults } from "../../scripts/house/bounds.ts";
import { withBounds } from "../../scripts/sql/bounds.ts";

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
  ])("so %s is reported", (text, bound) => {
    expect(inRoom(text)).toEqual([bound]);
  });

  it.each([
    'import { z } from "zod"; z.string().min(1);',
    "Math.max(200);",
    ['invalid("limit", `must be 1 to $', "{most}`);"].join(""),
    `invalid("timeout", 'must be like "10m"');`,
  ])("and %s is not reported", (text) => {
    expect(inRoom(text)).toEqual([]);
  });

  it("and SQL and docs are written from it", () => {
    const known = new Map(Object.entries({ "memory.task": 1_000, "memory.levels": 8 }));
    for (const [line, written] of [
      [
        "check (a <= 2000), -- bounds: 2000 memory.task",
        "check (a <= 1000), -- bounds: 1000 memory.task",
      ],
      [
        "case 1 when a <= 2000 then 'at most 2000' -- bounds: 2000 memory.task",
        "case 1 when a <= 1000 then 'at most 1000' -- bounds: 1000 memory.task",
      ],
      [
        "'**{33 to last}' <= 12000 -- bounds: 33 memory.levels + 1",
        "'**{9 to last}' <= 12000 -- bounds: 9 memory.levels + 1",
      ],
      [
        "a ~ '^[a-z]{0,1999}$' -- bounds: 1999 memory.task - 1",
        "a ~ '^[a-z]{0,999}$' -- bounds: 999 memory.task - 1",
      ],
      [
        "| task | 2,000 of 4 <!-- bounds: 2,000 memory.task; 4 memory.levels / 2 --> |",
        "| task | 1,000 of 4 <!-- bounds: 1,000 memory.task; 4 memory.levels / 2 --> |",
      ],
      ["a <= 2000", "a <= 2000"],
    ] as const) {
      const of = line.includes("<!--") ? "md" : "sql";
      expect(withBounds(line, of, known)).toBe(written);
      expect(withBounds(written, of, known)).toBe(written);
    }
    expect(() => withBounds("a <= 1 -- bounds: 1 memory.other", "sql", known)).toThrow(
      "names no bound",
    );
    expect(() => withBounds("a <= 1 -- bounds: 2 memory.task", "sql", known)).toThrow("has no 2");
  });
});
