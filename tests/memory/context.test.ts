import type { Recall, RecalledMemory } from "@mayfly/sdk";
import { memoryFromBody, packContext, rank, recalledLocally } from "@mayfly/sdk/internal";
import { describe, expect, it } from "vitest";

function recalled(id: string, output: string): RecalledMemory {
  const memory = memoryFromBody(id, { task: id, output }, null);
  const places = {
    words_rank: 1,
    words: 1,
    fit: 1,
    typos: null,
    vector_rank: null,
    similarity: null,
  };
  const [found] = rank(
    new Map([[memory.id, places]]),
    new Map([[memory.id, memory]]),
    { words: true, model: null },
    0,
  );
  if (!found) throw new Error("It is not found.");
  return recalledLocally({ ...found, duplicates: [] }, { id: "", name: "" });
}
const recallOf = (...results: RecalledMemory[]): Recall => ({
  mode: "hybrid",
  model: "m",
  problem: null,
  results,
});
const idsOf = (memories: { id: string }[]) => memories.map(({ id }) => id);

describe("a context", () => {
  it("takes the best memories first, then smaller ones that still fit, and says what it left out", () => {
    const recall = recallOf(
      recalled("first", "a".repeat(100)),
      recalled("too long", "b".repeat(1_000)),
      recalled("small", "c".repeat(40)),
    );
    const context = packContext(recall, { task: "t", maxTokens: 60 });
    expect(idsOf(context.memories)).toEqual(["first", "small"]);
    expect(context.leftOut).toMatchObject([{ memory: { id: "too long" }, reason: "budget" }]);
    expect(context.leftOut[0]?.tokens).toBe(Math.ceil("## too long\n".length / 4 + 250));
    expect(context.text).toBe(`## first\n${"a".repeat(100)}\n\n## small\n${"c".repeat(40)}`);
    expect(context.tokens).toBe(Math.ceil(context.text.length / 4));
    expect(context.tokens).toBeLessThanOrEqual(60);
    expect(context).toMatchObject({ cut: false, mode: "hybrid", problem: null });
  });

  it("includes the same content only once", () => {
    const context = packContext(
      recallOf(recalled("same", "x"), { ...recalled("same", "x"), id: "other" }),
      { task: "t", maxTokens: 100 },
    );
    expect(idsOf(context.memories)).toEqual(["same"]);
    expect(context.leftOut).toMatchObject([{ memory: { id: "other" }, reason: "duplicate" }]);
  });

  it("cuts a memory only if asked, only the first that does not fit, and stays within the budget", () => {
    const recall = recallOf(
      recalled("a", "😀".repeat(500)),
      recalled("b", "y".repeat(500)),
      recalled("c", "z"),
    );
    for (let maxTokens = 5; maxTokens < 300; maxTokens += 7) {
      const context = packContext(recall, { task: "t", maxTokens, cut: true });
      expect(context.tokens).toBeLessThanOrEqual(maxTokens);
      expect(context.text.isWellFormed()).toBe(true);
      expect(context.cut).toBe(true);
    }
  });

  it("counts tokens with the caller's function", () => {
    const countTokens = (text: string) => text.split(/\s+/).filter(Boolean).length;
    const context = packContext(recallOf(recalled("a", "one two three"), recalled("b", "four")), {
      task: "t",
      maxTokens: 6,
      countTokens,
    });
    expect(idsOf(context.memories)).toEqual(["a"]);
    expect(context.tokens).toBe(5);
  });

  it("is empty when nothing fits", () => {
    const context = packContext(recallOf(recalled("a", "x".repeat(100))), {
      task: "t",
      maxTokens: 3,
    });
    expect(context).toMatchObject({ text: "", tokens: 0, memories: [] });
    expect(context.leftOut).toHaveLength(1);
  });
});
