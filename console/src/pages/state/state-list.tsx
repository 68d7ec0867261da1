import type { RecentState } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { href, route, setQuery } from "../../app/route.ts";
import { withNames } from "../../live/about.ts";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { useTeamNames } from "../../live/use-team-names.ts";
import { Badge } from "../../parts/badge.tsx";
import { type Loaded, Show } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Head } from "../../parts/panel.tsx";
import { Search, searched } from "../../parts/search.tsx";
import { Select } from "../../parts/select.tsx";
import { plural, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { isGone, ownerOf } from "./owner.ts";
import { StateForm } from "./state-form.tsx";

/** How many states are listed at most. */
export const mostStates = 500;

/** All states that the person may read, most recently changed first. */
export function StateList(props: {
  space: Space;
  states: Loaded<RecentState[]>;
  owner: string | undefined;
  picked: string | undefined;
}) {
  const { space, states, owner, picked } = props;
  const { query } = route.value;
  const of = query.get("of") ?? "";
  const [writes, setWrites] = useState(false);
  void space.subjects.version.value;
  useTeamNames(
    space,
    (states.data ?? []).map(({ key }) => key),
  );
  const keep = query.size > 0 ? `?${query}` : "";
  return (
    <aside class="sides-list" aria-label="States">
      <Head title="State" about="What agents share and keep, with every version.">
        {space.may("state:write") && (
          <button type="button" class="button" onClick={() => setWrites(true)}>
            New
          </button>
        )}
      </Head>
      <div class="sides-filter">
        <Search label="Find states" placeholder="Key  ( / )" />
        <Select
          label="Whose"
          value={of}
          options={[["", "Of all"], ["shared", "Shared"], ...ownersOf(space, states.data ?? [])]}
          onChange={(to) => setQuery({ of: to })}
        />
      </div>
      <Show of={states}>
        {(all) => {
          const found = all.filter(
            (state) =>
              (of === "" || ownerOf(state) === of) && state.key.toLowerCase().includes(searched()),
          );
          if (all.length === 0)
            return (
              <Empty title="There is no state yet.">
                <p>Agents share what they set under a key:</p>
                <p>
                  <code>
                    agent.state.shared.set("plan", {"{"} step: 1 {"}"})
                  </code>
                </p>
              </Empty>
            );
          if (found.length === 0) return <Empty title="Nothing matches." />;
          return (
            <nav class="sides-rows" aria-label="States by when they changed">
              {found.map((state) => (
                <a
                  key={state.id}
                  href={`${href("state", ownerOf(state), state.key)}${keep}`}
                  aria-current={
                    ownerOf(state) === owner && state.key === picked ? "true" : undefined
                  }
                >
                  <bdi class="mono">{withNames(space, printable(state.key))}</bdi>
                  <Ago at={state.updatedAt} />
                  <small>
                    {state.agentId ? <Name id={state.agentId} plain /> : "shared"}
                    {`, version ${state.version}`}
                  </small>
                  {isGone(state, second.value) && <Badge>deleted</Badge>}
                </a>
              ))}
              {all.length === mostStates && (
                <p class="muted">{plural(mostStates, "state")}: those that changed last.</p>
              )}
            </nav>
          );
        }}
      </Show>
      {writes && <StateForm space={space} onClose={() => setWrites(false)} />}
    </aside>
  );
}

/** The agents that have states, by name. */
function ownersOf(space: Space, states: readonly RecentState[]): [string, string][] {
  const ids = new Set(states.flatMap(({ agentId }) => agentId ?? []));
  return [...ids]
    .map((id): [string, string] => [id, space.names.of(id).name])
    .sort((one, other) => one[1].localeCompare(other[1]));
}
