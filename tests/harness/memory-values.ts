/** Values for the fields of a put, for tests that go over all of them. */
import { randomUUID } from "node:crypto";

/** Values that fit, and values just beyond a bound. */
export type Values = [fits: unknown[], beyond: unknown[]];
const astral = "\u{1F41D}";
/** A character may be one or two units in JavaScript. */
export const texts = (min: number, max: number): Values => [
  ["x".repeat(min), "x".repeat(max), astral.repeat(max)],
  ["x".repeat(max + 1), `${astral.repeat(max)}x`, "a\ud800", 1, ...(min > 0 ? [""] : [])],
];
const numbers = (min: number, max: number, least: number): Values => [
  [min, min + least, max - least, max],
  [min - least, max + least, String(min), ...(least === 1 ? [min + 0.5] : [])],
];
const words = (...all: string[]): Values => [all, ["", "other", all[0]?.toUpperCase(), 1]];
const flags: Values = [
  [true, false],
  ["true", 1, 0],
];
export const uuids: Values = [
  [randomUUID(), randomUUID().toUpperCase(), "00000000-0000-0000-0000-000000000000"],
  ["", "x", `${randomUUID()}0`, randomUUID().slice(1), 1],
];
const instants: Values = [
  ["2026-02-28T23:59:59Z", "2024-02-29T00:00:00.123456+05:30", "0001-01-01T00:00:00Z"],
  ["2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01", "now", "2026-01-01T00:00:00", 1],
];
export const nested = (levels: number): object => (levels === 1 ? {} : { a: nested(levels - 1) });
const largest = 2 ** 31 - 1;

/** By the name of the field. */
export const cases: Record<string, Values> = {
  agent_id: [[], ["x", 1]],
  created_at: instants,
  key: texts(1, 200),
  once: flags,
  hlc: [
    ["1700000000000-0000-n"],
    ["1700000000000-0000-", `1700000000000-0000-${"n".repeat(37)}`, 1],
  ],
  session_id: uuids,
  conversation_id: uuids,
  kind: words("episode", "task_result", "conversation", "learning", "fact", "working", "general"),
  task: texts(1, 2_000),
  input: texts(0, 100_000),
  output: texts(0, 100_000),
  critique: texts(0, 20_000),
  reward: numbers(0, 1, 0.001),
  success: flags,
  importance: numbers(1, 10, 1),
  tags: [
    [[], Array.from({ length: 50 }, (_, n) => `t${n}`), ["x".repeat(100)], [astral.repeat(100)]],
    [Array.from({ length: 51 }, (_, n) => `t${n}`), [""], ["x".repeat(101)], [1], "a"],
  ],
  metadata: [
    [{}, { n: Number.MAX_SAFE_INTEGER }, nested(31)],
    [[], "{}", 1, { text: "a\0b" }],
  ],
  tokens: numbers(0, largest, 1),
  latency_ms: numbers(0, largest, 1),
  visibility: words("tenant", "agent"),
  expires_at: instants,
};
