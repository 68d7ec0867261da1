import { operation } from "@mayfly/sdk/contract/operation";
import { spawnRequest } from "@mayfly/sdk/contract/schemas";
import { describe, expect, it } from "vitest";
import { nested } from "./claims.ts";

const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;
const ids = () => ({ id: crypto.randomUUID(), type: "memory.put", subject: crypto.randomUUID() });

describe("metadata that JSON cannot hold", () => {
  it("is refused with the name of the field, and throws nothing", () => {
    for (const [what, metadata] of Object.entries({
      "too deep": nested(50_000),
      cyclic,
      "a BigInt": { a: 1n },
      "half a character": { a: "\ud800" },
    })) {
      const put = operation.safeParse({ ...ids(), body: { task: "t", metadata } });
      expect(put.error?.issues[0]?.path, what).toEqual(["body", "metadata"]);
      const spawned = spawnRequest.safeParse({ metadata });
      expect(spawned.error?.issues[0]?.path, what).toEqual(["metadata"]);
    }
  });

  it("is the only metadata refused: thirty levels, great numbers and a whole emoji are accepted", () => {
    for (const [what, metadata] of Object.entries({
      "thirty levels": nested(30),
      numbers: { a: [0, -1.5, 1e308] },
      "two halves of a character": { a: "\ud83d\ude00" },
    })) {
      const put = operation.safeParse({ ...ids(), body: { task: "t", metadata } });
      expect(put.error?.issues ?? [], what).toEqual([]);
      expect(spawnRequest.safeParse({ metadata }).error?.issues ?? [], what).toEqual([]);
    }
  });
});
