import { setQuery } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { toneOf } from "../../parts/badge.tsx";
import { type Chip, Chips } from "../../parts/chips.tsx";
import { Search } from "../../parts/search.tsx";
import { Select } from "../../parts/select.tsx";
import { plural, printable } from "../../parts/text.ts";
import { Times } from "../../parts/times.tsx";
import { Views } from "../../parts/views.tsx";
import type { Entry } from "./entry.ts";
import type { Filter } from "./filter.ts";

const levels: readonly [string, string][] = [
  ["silent", "Agents silent"],
  ["basic", "Basic"],
  ["detailed", "Detailed"],
  ["verbose", "Verbose"],
  ["trace", "Trace"],
];

/**
 * The controls of the stream: search by words and attributes, kinds, agent, time, failures only, and the
 * debug level. All except the level are kept in the address.
 */
export function Controls(props: {
  space: Space;
  filter: Filter;
  isGrouped: boolean;
  entries: Entry[];
  level: string | number;
  listensTo: number | null;
  onLevel(level: string): void;
}) {
  const { space, filter, isGrouped } = props;
  const toggle = (kind: string) => {
    const kinds = filter.kinds.includes(kind)
      ? filter.kinds.filter((one) => one !== kind)
      : [...filter.kinds, kind];
    setQuery({ kinds: kinds.join(",") });
  };
  const agents = [...space.agents.all()].sort((one, other) => one.name.localeCompare(other.name));
  return (
    <div class="controls">
      <div class="controls-row">
        <Search label="Search the stream" placeholder="Words, or file:a.log  ( / )" />
        <Select
          label="Agent"
          value={filter.agent ?? ""}
          options={[
            ["", "All agents"],
            ...agents.map(({ id, name }): [string, string] => [id, printable(name)]),
          ]}
          onChange={(agent) => setQuery({ agent })}
        />
        <Times any="Live" />
        {space.may("debug:read") && (
          <Select
            label="Debug level"
            value={String(props.level)}
            options={levels}
            onChange={props.onLevel}
          />
        )}
        {props.listensTo !== null && (
          <span class="muted">Listening to {plural(props.listensTo, "agent")}</span>
        )}
        <label class="check">
          <input
            type="checkbox"
            checked={isGrouped}
            onChange={({ currentTarget }) =>
              setQuery({ group: currentTarget.checked ? null : "0" })
            }
          />
          By task
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={filter.failures}
            onChange={({ currentTarget }) =>
              setQuery({ failures: currentTarget.checked ? "1" : null })
            }
          />
          Failures
        </label>
      </div>
      <Chips
        label="Kinds"
        of={chipsOf(props.entries)}
        isOn={(kind) => filter.kinds.includes(kind)}
        onPick={toggle}
      />
      <Views />
    </div>
  );
}

/** The kinds that occur, by name, with the number of each. */
function chipsOf(entries: Entry[]): Chip[] {
  const counts = new Map<string, number>();
  for (const { kind } of entries) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts]
    .sort((one, other) => one[0].localeCompare(other[0]))
    .map(([kind, count]) => ({
      key: kind,
      tone: toneOf(kind),
      title: (
        <>
          {kind}
          <small>{count > 999 ? `${Math.floor(count / 1_000)}k` : count}</small>
        </>
      ),
    }));
}
