/** A duration: seconds, or a text such as `"90s"`, `"10m"`, `"2h"`, `"1d"`, `"1h 30m"`. */
export type Duration = number | string;

const units: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** Converts a duration to seconds. Returns NaN if the text is not a duration. */
export function secondsOf(duration: Duration): number {
  if (typeof duration === "number") return duration;
  const parts = duration.trim().split(/\s+/);
  return parts.reduce((sum, part) => {
    const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(part) ?? [];
    return sum + Number(amount) * (units[unit] ?? Number.NaN);
  }, 0);
}
