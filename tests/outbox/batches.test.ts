import type { Operation, OutboxChange, OutboxStorage } from "@mayfly/sdk";
import { memoryStorage, Outboxes } from "@mayfly/sdk/internal";
import { describe, expect, it } from "vitest";

const outboxWith = async (operations: Operation[]) => {
  const outbox = new Outboxes().of("t");
  for (const operation of operations) await outbox.add(operation, "a");
  return outbox;
};
const putOf = (id: string, task = "t"): Operation => ({
  id: `put ${id}`,
  type: "memory.put",
  subject: id,
  body: { task },
});
const deleteOf = (id: string): Operation => ({
  id: `delete ${id}`,
  type: "memory.delete",
  subject: id,
});
const sizes = async (operations: Operation[]) => {
  const outbox = await outboxWith(operations);
  const found: number[] = [];
  for (let batch = outbox.take("a"); batch.length > 0; batch = outbox.take("a")) {
    found.push(batch.length);
    await outbox.acknowledge(batch);
  }
  return found;
};

describe("a push", () => {
  it("has at most 100 operations", async () => {
    expect(await sizes(Array.from({ length: 250 }, (_, n) => putOf(`${n}`)))).toEqual([
      100, 100, 50,
    ]);
  });

  it("is measured in bytes as they are sent, not in characters", async () => {
    const long = "語".repeat(300_000);
    expect(await sizes([1, 2, 3, 4, 5].map((n) => putOf(`${n}`, long)))).toEqual([2, 2, 1]);
    expect(await sizes([putOf("alone", "語".repeat(1_000_000)), putOf("next")])).toEqual([1, 1]);
  });

  it("has at most one operation for each memory", async () => {
    expect(await sizes([putOf("a"), putOf("b"), deleteOf("a"), putOf("c")])).toEqual([2, 2]);
  });

  it("empties an outbox even if its storage is full, and clears the storage when it has room again", async () => {
    const kept = memoryStorage();
    let full = false;
    const storage: OutboxStorage = {
      async open(tenant) {
        const store = await kept.open(tenant);
        const write = async (change: OutboxChange) => {
          if (full) throw new Error("ENOSPC");
          await store.write(change);
        };
        return { entries: store.entries, write, close: () => store.close() };
      },
    };
    const outbox = new Outboxes(storage).of("t");
    await outbox.add(putOf("a"), "a");
    full = true;
    await expect(outbox.add(putOf("b"), "a")).rejects.toThrow("ENOSPC");
    await outbox.acknowledge(outbox.take("a"));
    expect(outbox.waiting()).toBe(0);
    expect((await kept.open("t")).entries).toHaveLength(1);
    full = false;
    await outbox.add(putOf("c"), "a");
    const { entries } = await kept.open("t");
    expect(entries.map(({ operation }) => operation.id)).toEqual(["put c"]);
  });

  it("that frees space forgets only what the server already has", async () => {
    const outbox = await outboxWith([putOf("a"), deleteOf("b"), deleteOf("a")]);
    const batch = outbox.take("a", { freeing: true });
    expect(batch.map(({ operation }) => operation.id)).toEqual(["delete b"]);
  });
});
