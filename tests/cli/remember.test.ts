import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { json, local, run, setUp } from "./connected.ts";

setUp();

interface Stored {
  memories: { id: string; status: string }[];
}

describe("mayfly remember", () => {
  it("stores a memory, changes it by its key, and stores identical content once", async () => {
    const port = ["--as", "port", "--kind", "fact", "--task", "port of the database"];
    const [first] = (await json<Stored>("remember", "5432", ...port)).memories;
    expect((await run("remember", "5433", ...port)).out).toContain("1 changed by their keys");
    expect((await json<Stored>("remember", "5434", ...port)).memories).toEqual([
      { id: first?.id, status: "changed" },
    ]);
    const known = await json<Stored>("remember", "Water the plants");
    expect((await json<Stored>("remember", "Water the plants")).memories).toEqual([
      { id: known.memories[0]?.id, status: "duplicate" },
    ]);
    const again = await json<Stored>("remember", "Water the plants", "--allow-duplicate");
    expect(again.memories).toMatchObject([{ status: "stored" }]);
    const rows = await local.sql`select output from mayfly.memories where key = 'port'`;
    expect(rows).toEqual([{ output: "5434" }]);
  });

  it("stores a file of many memories, and names an invalid line", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mayfly-remember-"));
    const file = join(folder, "memories.jsonl");
    const lines = ["alpha", "beta", "alpha"].map((output) =>
      JSON.stringify({ output, tags: ["x"] }),
    );
    await writeFile(file, `${lines.join("\n")}\n\n`);
    expect((await run("remember", "--file", file)).out).toBe(
      "2 memories stored, 1 known already.\n",
    );
    await writeFile(file, '{"output":"gamma"}\nno JSON\n');
    const wrong = await run("remember", "--file", file);
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining("Line 2 of") });
    await writeFile(file, '{"output":"gamma"}\n{"output":"delta","reward":7}\n');
    const { code, err } = await run("remember", "--file", file);
    expect(code).toBe(1);
    expect(err).toContain("reward");
    expect(await local.sql`select from mayfly.memories where output = 'gamma'`).toHaveLength(0);
    const unread = await run("remember", "--file", join(folder, "none"));
    expect(unread).toMatchObject({ code: 2, err: expect.stringContaining("cannot be read") });
    expect((await run("remember")).code).toBe(2);
  });

  it("is found by recall, which explains each rank and says what it searched", async () => {
    await run(
      "remember",
      "Import the key, wait for the caches, rotate.",
      "--task",
      "Rotate the signing key",
    );
    const { out } = await run("recall", "rotate the signing key", "--explain");
    expect(out).toContain("Rotate the signing key");
    // Shows in how many memories each word is, what the word is worth, and what the rank comes from.
    expect(out).toMatch(/^ {2}sign: in \d+, worth \d/m);
    expect(out).toMatch(/words 1\. \(fits \d/);
    const plain = await run("recall", "rotate the signing key");
    expect(out.length).toBeGreaterThan(plain.out.length);
    const answer = await json<{ searched: object; results: { parts: object }[] }>(
      "recall",
      "rotate the signing key",
      "--explain",
    );
    expect(answer.searched).toMatchObject({ memories: expect.any(Number) });
    expect(answer.results[0]?.parts).toMatchObject({ relevance: expect.any(Number) });
  });
});
