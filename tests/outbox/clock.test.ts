import { HybridClock, isAfter } from "@mayfly/sdk/internal";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";

let now: number;
let clock: HybridClock;
beforeEach(() => {
  now = 1_700_000_000_000;
  clock = new HybridClock(() => now);
});

const tokenOf = (iat: number) =>
  `e30.${btoa(JSON.stringify({ iat })).replaceAll("+", "-").replaceAll("/", "_")}.`;

describe("a hybrid logical clock", () => {
  it("stamps as the server compares: by time, then by count, then by node", () => {
    expect(clock.next("a")).toBe("1700000000000-0000-a");
    expect(clock.next("b")).toBe("1700000000000-0001-b");
    now++;
    expect(clock.next("a")).toBe("1700000000001-0000-a");
  });

  it("only increases, whatever the clock does", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ pass: fc.integer({ min: -100, max: 100 }) }),
            fc.record({ see: fc.tuple(fc.integer({ min: -100, max: 100 }), fc.nat(0xffff)) }),
          ),
        ),
        (steps) => {
          const rising = new HybridClock(() => now);
          let last = rising.next("node");
          for (const step of steps) {
            if ("pass" in step) now += step.pass;
            else {
              const [ahead, count] = step.see;
              const seen = `${now + ahead}-${count.toString(16).padStart(4, "0")}-zzz`;
              rising.observe(seen);
              if (seen.slice(0, 18) > last.slice(0, 18)) last = seen;
            }
            const next = rising.next("node");
            expect(next).toMatch(/^\d{13}-[0-9a-f]{4}-node$/);
            expect(next.slice(0, 18) > last.slice(0, 18)).toBe(true);
            last = next;
          }
        },
      ),
    );
  });

  it("follows the server's time, as precisely as an answer allows", () => {
    const ahead = 3_600_000;
    clock.learn(now - ahead, now - ahead + 1000, now - 40);
    expect(now - ahead - clock.now).toBeLessThanOrEqual(0);
    expect(clock.now - (now - ahead)).toBeLessThanOrEqual(1040);
    // The next answer agrees, so nothing changes.
    const before = clock.now;
    clock.learn(now - ahead, now - ahead + 1000, now - 40);
    expect(clock.now).toBe(before);
    clock.learn(Number.NaN, Number.NaN, now);
    expect(clock.now).toBe(before);
  });

  it("learns from the token of a spawn", () => {
    clock.learnFromToken(tokenOf(now / 1000 + 600));
    expect(clock.now).toBe(now + 600_000);
    clock.learnFromToken(tokenOf(now / 1000 - 600));
    expect(Math.abs(clock.now - (now - 600_000))).toBeLessThanOrEqual(6_000);
  });

  it("goes back when the server finds it ahead", () => {
    now += 3_600_000;
    const wrong = clock.next("a");
    clock.setBack(now - 3_600_000, now - 10);
    expect(isAfter(wrong, clock.now)).toBe(true);
    expect(isAfter(clock.next("a"), clock.now)).toBe(false);
  });
});
