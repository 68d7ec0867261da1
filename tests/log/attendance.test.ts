import { type MayflyError, ok } from "@mayfly/sdk/contract/errors";
import { Attendance, type Beat, type Reader } from "@mayfly/sdk/internal";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

/** A stand-in for the server, which returns these numbers and records what the reader reports. */
function serverWith(newest: { log: number; inbox: number; channels: Record<string, number> }) {
  const beats: Beat[] = [];
  const attendance = new Attendance(async (beat) => {
    beats.push(beat);
    return ok({ ...newest, channels: { ...newest.channels } });
  });
  return { beats, newest, attendance };
}

class TestReader implements Reader {
  readonly source = { of: "inbox" } as const;
  at = 0;
  heard = 0;
  joinedAt: number | undefined = performance.now();
  readonly told: (string | null)[] = [];
  pull(upTo: number) {
    this.at = upTo;
  }
  losing(error: MayflyError | null) {
    this.told.push(error?.code ?? null);
  }
}

describe("the attendance of a client", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("leases what the client reads, at once and then every 30 s", async () => {
    const { beats, attendance } = serverWith({ log: 0, inbox: 0, channels: { c: 0 } });
    const readers = [
      new TestReader(),
      Object.assign(new TestReader(), { source: { of: "log" } }),
      Object.assign(new TestReader(), { source: { of: "channel", name: "c" } }),
    ];
    const [first] = readers.map((reader) => attendance.add(reader as Reader));
    await vi.advanceTimersByTimeAsync(100);
    expect(beats).toEqual([{ log: true, channels: ["c"], lost: 0 }]);
    first?.();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(beats).toHaveLength(3);
    attendance.end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(beats).toHaveLength(3);
  });

  it("leaves no timer when it ends, even if a broadcast may still be late", async () => {
    const { newest, attendance } = serverWith({ log: 0, inbox: 5, channels: {} });
    attendance.add(new TestReader());
    await vi.advanceTimersByTimeAsync(30_000);
    newest.inbox = 6;
    await vi.advanceTimersByTimeAsync(100);
    // One timer for the next beat, and one for the broadcast of number 6.
    expect(vi.getTimerCount()).toBe(2);
    attendance.end();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("notices a lost broadcast within a beat, beats faster, and slows down when nothing is lost", async () => {
    const { beats, newest, attendance } = serverWith({ log: 0, inbox: 5, channels: {} });
    const reader = new TestReader();
    attendance.add(reader);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(reader.told).toEqual([]);
    newest.inbox = 6;
    await vi.advanceTimersByTimeAsync(30_000);
    // The reader has the event already, and its broadcast may still arrive late.
    expect(reader.at).toBe(6);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(reader.told).toEqual(["broadcasts_lost"]);
    const before = beats.length;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(beats.length - before).toBeGreaterThanOrEqual(4);
    expect(beats.some(({ lost }) => lost === 1)).toBe(true);

    // More losses delay the end of faster beats, although the reader's own pulls hide these losses.
    for (let n = 7; n < 20; n++) {
      reader.at = n;
      newest.inbox = n;
      await vi.advanceTimersByTimeAsync(5_000);
    }
    expect(reader.told).toEqual(["broadcasts_lost"]);
    for (let n = 20; n < 40; n++) {
      reader.heard++;
      reader.at = n;
      newest.inbox = n;
      await vi.advanceTimersByTimeAsync(5_000);
    }
    expect(reader.told).toEqual(["broadcasts_lost", null]);
  });

  it("does not count late broadcasts, or those without a connection, as lost", async () => {
    const { newest, attendance } = serverWith({ log: 0, inbox: 0, channels: {} });
    const reader = new TestReader();
    attendance.add(reader);
    await vi.advanceTimersByTimeAsync(30_020);
    newest.inbox = 1;
    await vi.advanceTimersByTimeAsync(30_000);
    reader.heard++;
    await vi.advanceTimersByTimeAsync(10_000);
    reader.joinedAt = undefined;
    newest.inbox = 2;
    await vi.advanceTimersByTimeAsync(30_000);
    reader.joinedAt = performance.now();
    newest.inbox = 3;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reader.told).toEqual([]);
  });
});
