import type { Team } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { dollars } from "../../parts/money.ts";
import { Figure, Panel } from "../../parts/panel.tsx";

/** What models have cost since the team was made, for agents of its members' names. */
export function TeamSpending({ space, team }: { space: Space; team: Team }) {
  const costs = useLoaded(
    () => space.mayfly.costs.report({ by: ["agent"], since: team.createdAt }),
    [team.id, team.living],
  );
  if (!space.may("cost:read")) return null;
  const names = new Set(team.members.map(({ name }) => name));
  return (
    <Panel title="Spent" hint="on models since it was made, by agents of these names">
      <Show of={costs}>
        {(rows) => {
          const own = rows.filter(({ agent }) => agent !== undefined && names.has(agent));
          const sum = (pick: (row: (typeof own)[number]) => number) =>
            own.reduce((total, row) => total + pick(row), 0);
          return (
            <div class="figures flat">
              <Figure label="Money" value={dollars(sum(({ usd }) => usd))} />
              <Figure label="Calls" value={sum(({ calls }) => calls)} />
              <Figure
                label="Tokens"
                value={sum((row) => row.inputTokens + row.outputTokens).toLocaleString("en")}
              />
            </div>
          );
        }}
      </Show>
    </Panel>
  );
}
