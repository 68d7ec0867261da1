/** The counters, as Supabase Realtime 2.129.8 keeps them (rate_counter.ex, tenants.ex). */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { freePlan, proPlan } from "../../../local/src/realtime/index.ts";
import { RateCounter } from "../../../local/src/realtime/limits.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a burst counts when its five seconds are over, and is averaged with the empty tick before it", () => {
  const counter = new RateCounter(100, freePlan);
  counter.add(999);
  vi.advanceTimersByTime(4_999);
  expect([counter.average, counter.reached]).toEqual([0, false]);
  vi.advanceTimersByTime(1);
  expect(counter.average).toBeCloseTo(99.9);
  counter.add(1_000);
  vi.advanceTimersByTime(5_000);
  expect([counter.average > 100, counter.reached]).toEqual([true, true]);
});

test("the average is over the last minute, and falls as quiet ticks follow", () => {
  const counter = new RateCounter(100, freePlan);
  for (let tick = 0; tick < 12; tick++) {
    counter.add(500);
    vi.advanceTimersByTime(5_000);
  }
  expect(counter.average).toBe(100);
  vi.advanceTimersByTime(5_000);
  expect(counter.average).toBeCloseTo((11 * 500) / 60);
  vi.advanceTimersByTime(60_000);
  expect(counter.average).toBe(0);
});

test("after quiet minutes the average starts again, so a burst is averaged with only a few ticks", () => {
  const counter = new RateCounter(100, freePlan);
  vi.advanceTimersByTime(300_000);
  counter.add(1_000);
  vi.advanceTimersByTime(5_000);
  expect(counter.average).toBe(100);
});

test("the Pro plan has five times the messages", () => {
  expect([freePlan.messagesPerSecond, proPlan.messagesPerSecond]).toEqual([100, 500]);
});
