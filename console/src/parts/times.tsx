import { route, setQuery } from "../app/route.ts";
import { Select } from "./select.tsx";

const within: Record<string, [title: string, ms: number]> = {
  hour: ["Past hour", 3_600_000],
  day: ["Past day", 86_400_000],
  week: ["Past week", 604_800_000],
};

/**
 * The span of time that the address names. A search for a text reads everything in the span, because
 * no index finds it. So a search without a span is one of the past week.
 */
export function timesOf(query: URLSearchParams, sought = ""): { since?: Date; until?: Date } {
  const named = query.get("within") ?? "";
  const [, ms] = within[sought && timesKey(query) === "" ? "week" : named] ?? [];
  if (ms !== undefined) return { since: new Date(Date.now() - ms) };
  const [since, until] = [dateOf(query.get("since")), dateOf(query.get("until"))];
  return { ...(since && { since }), ...(until && { until }) };
}

/** A key that changes when another span of time is chosen. Empty if no span is chosen. */
export const timesKey = (query: URLSearchParams): string =>
  ["within", "since", "until"]
    .map((name) => query.get(name) ?? "")
    .join(" ")
    .trim();

const dateOf = (text: string | null): Date | null =>
  text && !Number.isNaN(Date.parse(text)) ? new Date(text) : null;

/**
 * Lets the person choose a span of time. It is kept in the address, in UTC. `any` is what is shown if
 * nothing is chosen. While there is a search, that means the past week, and "all times" is a separate
 * choice.
 */
export function Times({ any = "Any time", sought = "" }: { any?: string; sought?: string }) {
  const { query } = route.value;
  const isBetween = query.has("since") || query.has("until");
  return (
    <>
      <Select
        label="Time"
        value={isBetween ? "between" : (query.get("within") ?? "")}
        options={[
          ["", sought ? "Past week, as you search" : any],
          ...Object.entries(within).map(([key, [title]]): [string, string] => [key, title]),
          ...(sought || query.get("within") === "all"
            ? [["all", "Any time"] as [string, string]]
            : []),
          ["between", "Between…"],
        ]}
        onChange={(to) => {
          const since = to === "between" ? new Date(Date.now() - 86_400_000).toISOString() : null;
          setQuery({ within: since ? null : to, since, until: null });
        }}
      />
      {isBetween && (
        <>
          <Instant name="since" label="From" />
          <Instant name="until" label="Until" />
        </>
      )}
    </>
  );
}

function Instant({ name, label }: { name: "since" | "until"; label: string }) {
  const at = dateOf(route.value.query.get(name));
  const local = at && new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return (
    <input
      type="datetime-local"
      aria-label={label}
      title={label}
      value={local?.toISOString().slice(0, 16) ?? ""}
      onChange={({ currentTarget: { value } }) =>
        setQuery({ [name]: value ? new Date(value).toISOString() : null })
      }
    />
  );
}
