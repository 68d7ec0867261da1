/** Records that arrive late are shown in their place. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { InOrder } from "../../cli/src/in-order.ts";
import type { TailRecord } from "../../cli/src/records.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const recordAt = (ms: number): TailRecord => ({
  at: new Date(ms).toISOString(),
  level: "basic",
  category: "task",
  name: `${ms}`,
  agent: null,
  subject: null,
  data: {},
});

function showing() {
  const shown: string[] = [];
  const inOrder = new InOrder(async (records) => {
    for (const { name } of records) shown.push(name);
  });
  return { shown, inOrder };
}

it("an event that arrives 300 ms after a later record is shown before it", async () => {
  const { shown, inOrder } = showing();
  inOrder.add([recordAt(20)]);
  await vi.advanceTimersByTimeAsync(300);
  inOrder.add([recordAt(10), recordAt(30)]);
  expect(shown).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  expect(shown).toEqual(["10", "20"]);
  await vi.advanceTimersByTimeAsync(300);
  expect(shown).toEqual(["10", "20", "30"]);
});

it("records of one instant stay in the order of their arrival, and waiting records are shown at the end", async () => {
  const { shown, inOrder } = showing();
  inOrder.add([{ ...recordAt(1), name: "first" }]);
  inOrder.add([{ ...recordAt(1), name: "second" }, recordAt(0)]);
  await inOrder.end();
  expect(shown).toEqual(["0", "first", "second"]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(shown).toHaveLength(3);
});

it("an event that arrives after its window is shown when it arrives", async () => {
  const { shown, inOrder } = showing();
  inOrder.add([recordAt(20)]);
  await vi.advanceTimersByTimeAsync(600);
  inOrder.add([recordAt(10)]);
  await vi.advanceTimersByTimeAsync(600);
  expect(shown).toEqual(["20", "10"]);
});
