import { route, setQuery } from "../app/route.ts";
import { Select } from "./select.tsx";

const within: Record<string, [title: string, ms: number]> = {
  hour: ["Past hour", 3_600_000],
  day: ["Past day", 86_400_000],
  week: ["Past week", 604_800_000],
};

/** The span of time that the address names. */
export function timesOf(query: URLSearchParams): { since?: Date; until?: Date } {
  const [, ms] = within[query.get("within") ?? ""] ?? [];
  if (ms !== undefined) return { since: new Date(Date.now() - ms) };
  const [since, until] = [dateOf(query.get("since")), dateOf(query.get("until"))];
  return { ...(since && { since }), ...(until && { until }) };
}

/** A key that changes when another span of time is chosen. */
export const timesKey = (query: URLSearchParams): string =>
  ["within", "since", "until"].map((name) => query.get(name) ?? "").join(" ");

const dateOf = (text: string | null): Date | null =>
  text && !Number.isNaN(Date.parse(text)) ? new Date(text) : null;

/** Lets the person choose a span of time. It is kept in the address, in UTC. */
export function Times() {
  const { query } = route.value;
  const isBetween = query.has("since") || query.has("until");
  return (
    <>
      <Select
        label="Time"
        value={isBetween ? "between" : (query.get("within") ?? "")}
        options={[
          ["", "Any time"],
          ...Object.entries(within).map(([key, [title]]): [string, string] => [key, title]),
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
