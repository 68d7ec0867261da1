import type { AgentLife } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { costOf } from "../../parts/money.ts";
import { Figure, Panel } from "../../parts/panel.tsx";

/** Tokens and money of all agents with this name, because costs are counted by name. */
export function AgentSpending({ space, life }: { space: Space; life: AgentLife }) {
  const count = useCount(space, ({ kind }) => kind === "run" || kind === "budget");
  const costs = useLoaded(
    () => space.mayfly.costs.report({ by: ["agent", "model"] }),
    [life.name, count],
  );
  return (
    <Panel title="Spent" hint="on models, by all agents with this name">
      <Show of={costs}>
        {(rows) => {
          const own = rows.filter(({ agent }) => agent === life.name);
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
