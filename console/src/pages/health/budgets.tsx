import type { Budget } from "@mayfly/sdk";
import { withNames } from "../../live/about.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Bar } from "../../parts/bar.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { dollars } from "../../parts/money.ts";
import { Empty, Panel } from "../../parts/panel.tsx";
import { printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

/** The budgets, and how much of each was spent. */
export function Budgets({ space }: { space: Space }) {
  const count = useCount(space, ({ kind }) => kind === "budget" || kind === "run");
  const budgets = useLoaded(() => space.mayfly.costs.budgets.list(), [count]);
  return (
    <Panel title="Budgets">
      <Show of={budgets}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="No budget is set.">
              <p>
                An admin sets one:{" "}
                <code>
                  mayfly.costs.budgets.set({"{"} level: "tenant", hardUsd: 50 {"}"})
                </code>
              </p>
            </Empty>
          ) : (
            <div class="panel-body bars">
              {all.map((budget) => (
                <OneBudget key={budget.id} budget={budget} of={ofWhat(space, budget)} />
              ))}
            </div>
          )
        }
      </Show>
    </Panel>
  );
}

/** The owner of a budget, by name instead of id. */
function ofWhat(space: Space, { level, subject }: Budget): string {
  void space.subjects.version.value;
  return level === "tenant" ? "The tenant" : `${level} ${withNames(space, printable(subject))}`;
}

export function OneBudget({ budget, of }: { budget: Budget; of: string }) {
  const { period, spentUsd, heldUsd, hardUsd, softUsd, refusedAt } = budget;
  const when = period === "total" ? "in all" : `a ${period}`;
  return (
    <div>
      <Bar
        label={`${of}, ${when}`}
        used={spentUsd + heldUsd}
        most={hardUsd ?? softUsd}
        unit={dollars}
      />
      {refusedAt && (
        <small class="muted">
          A call was refused <Ago at={refusedAt} />.
        </small>
      )}
    </div>
  );
}
