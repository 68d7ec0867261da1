import { DebugBuffer, DebugPump, type Sent } from "@mayfly/sdk/internal";
import { describe, expect, it, vi } from "vitest";

describe("the pump", () => {
  it("sends one batch at a time, retries what did not arrive, and keeps to its rate", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    try {
      const buffer = new DebugBuffer(1_000, 1_000_000);
      const answers: Sent[] = ["arrived", { again: 5 }, { again: null }, "never", "arrived"];
      const sent: { first: number; at: number }[] = [];
      const pump = new DebugPump(buffer, 10, async ({ first }) => {
        sent.push({ first, at: performance.now() });
        return answers[sent.length - 1] as Sent;
      });
      for (let n = 0; n < 250; n++)
        buffer.add({ id: "", level: 1, category: "task", name: "", at: "" }, 10);
      pump.wake();
      pump.wake();
      await vi.advanceTimersByTimeAsync(60_000);
      expect(sent.map(({ first }) => first)).toEqual([0, 100, 100, 100, 200]);
      pump.stop();
      const gaps = sent.slice(1).map(({ at }, n) => at - (sent[n]?.at ?? 0));
      expect(gaps[0]).toBe(10);
      expect(gaps[3]).toBe(10);
    } finally {
      vi.useRealTimers();
    }
  });

  it("sends the first records at once, and again at growing intervals while somebody may still join", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    try {
      const buffer = new DebugBuffer(1_000, 1_000_000);
      const add = () => buffer.add({ id: "", level: 1, category: "task", name: "", at: "" }, 10);
      const sent: { at: number; first: number; records: number }[] = [];
      const start = performance.now();
      const pump = new DebugPump(buffer, 100, async ({ first, records }) => {
        sent.push({ at: performance.now() - start, first, records: records.length });
        return "arrived";
      });
      pump.repeatUntil = start + 2_000;
      add();
      pump.hurry();
      await vi.advanceTimersByTimeAsync(500);
      expect(sent).toEqual([0, 100, 300].map((at) => ({ at, first: 0, records: 1 })));
      // New records do not wait until the records before them are sent again.
      add();
      pump.wake();
      await vi.advanceTimersByTimeAsync(50);
      expect(sent[3]).toEqual({ at: 550, first: 0, records: 2 });
      await vi.advanceTimersByTimeAsync(10_000);
      expect(sent.length).toBeLessThan(8);
      expect(sent.at(-1)).toEqual({ at: 2_000, first: 0, records: 2 });
      expect(buffer.size).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("flushes waiting records within its time limit", async () => {
    const buffer = new DebugBuffer(1_000, 1_000_000);
    const add = () => buffer.add({ id: "", level: 1, category: "task", name: "", at: "" }, 10);
    const quick = new DebugPump(buffer, 3_600_000, async () => "arrived");
    for (let n = 0; n < 150; n++) add();
    await quick.flush(60_000);
    expect(buffer.size).toBe(0);
    add();
    const stuck = new DebugPump(buffer, 1, () => new Promise(() => {}));
    await stuck.flush(10);
    expect(buffer.size).toBe(1);
  });
});
