import {
  DEV_EMBEDDING_DIMENSIONS,
  DEV_EMBEDDING_MODEL,
  embedForDevelopment,
} from "@mayfly/sdk/contract/development-embedder";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

function similarity(left: string, right: string): number {
  const other = embedForDevelopment(right);
  return embedForDevelopment(left).reduce((sum, value, at) => sum + value * (other[at] ?? 0), 0);
}

describe("the development embedder", () => {
  test("has its own name, which is never gte-small", () => {
    expect(DEV_EMBEDDING_MODEL).toBe("mayfly-dev-hash-384");
  });

  test("returns 384 finite numbers of length one for any text, even an empty one", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const vector = embedForDevelopment(text);
        expect(vector).toHaveLength(DEV_EMBEDDING_DIMENSIONS);
        expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      }),
      { numRuns: 100 },
    );
    expect(Math.hypot(...embedForDevelopment("")).toFixed(5)).toBe("1.00000");
  });

  test("gives the same vector for the same text", () => {
    expect(embedForDevelopment("a lease expires")).toEqual(embedForDevelopment("a lease expires"));
  });

  test.each([
    ["rotate the signing key", "key rotation"],
    ["where do we rotate keys?", "Rotating the signing key is done in the dashboard"],
    ["how are agents stopped", "stopAgent(id) stops an agent and its children"],
    ["expired tokens are refused", "token expiry: the function refuses an expired token"],
    ["renewal secret", "function renewSecret(agent) trades the renewal_secret"],
    ["database migrations", "supabase/migrations/0001_tables.sql is the first migration"],
    ["memories per tenant", "each tenant has its own memory quota"],
  ])("scores %j and %j far above unrelated texts", (left, right) => {
    const related = similarity(left, right);
    const unrelated = [
      "a recipe for bread with rye flour and honey",
      "the weather in the mountains was cold and clear",
      "export const palette = { red: '#f00', green: '#0f0' }",
    ].map((text) => Math.max(similarity(left, text), similarity(right, text)));
    expect(related).toBeGreaterThan(0.2);
    expect(related).toBeGreaterThan(2 * Math.max(...unrelated));
  });

  test("finds the section that answers a question among others", () => {
    const sections = [
      "## Signing keys\nKeys are rotated from the dashboard; the old key stays valid for an hour.",
      "## Realtime\nPrivate channels only. Presence is a hint, the log is the truth.",
      "## Memory\nMemories outlive agents. Recall fuses candidates by vector and by words.",
      "## Install\nRun npm install, then npm run demo. Node is all that you need.",
    ];
    const best = (question: string) =>
      sections
        .map((text) => ({ text, score: similarity(question, text) }))
        .sort((one, two) => two.score - one.score)[0]?.text;
    expect(best("where do we rotate keys?")).toBe(sections[0]);
    expect(best("is presence reliable in a channel?")).toBe(sections[1]);
    expect(best("how does recall find a memory")).toBe(sections[2]);
    expect(best("what do I need to install and run it")).toBe(sections[3]);
  });
});
