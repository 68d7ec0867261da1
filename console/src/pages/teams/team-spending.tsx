import type { Team } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { costOf } from "../../parts/money.ts";
import { Figure, Panel } from "../../parts/panel.tsx";
import { OneBudget } from "../health/budgets.tsx";

/**
 * The cost of models since the team was created. Costs are counted by name, so these are the costs
 * of all agents that have the names of its members.
 */
export function TeamSpending({ space, team }: { space: Space; team: Team }) {
  const count = useCount(space, ({ kind }) => kind === "run");
  const costs = useLoaded(
    () => space.mayfly.costs.report({ by: ["agent"], since: team.createdAt }),
    [team.id, team.living, count],
  );
  const names = new Set(team.members.map(({ name }) => name));
  return (
    <Panel title="Spent" hint="on models since it was created, by agents with these names">
      {team.budget && (
        <div class="panel-body">
          <OneBudget budget={team.budget} of="Its budget" />
        </div>
      )}
      <Show of={costs}>
        {(rows) => {
          const own = rows.filter(({ agent }) => agent !== undefined && names.has(agent));
          const sum = (pick: (row: (typeof own)[number]) => number) =>
            own.reduce((total, row) => total + pick(row), 0);
          return (
            <div class="figures flat">
              <Figure
                label="Money"
                value={costOf({ usd: sum(({ usd }) => usd), unpriced: sum((row) => row.unpriced) })}
              />
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
