import type { Budget } from "@mayfly/sdk";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { href } from "../../app/route.ts";
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
  useEffect(() => {
    for (const kind of ["team", "run"] as const) {
      const own = (budgets.data ?? []).filter(({ level }) => level === kind);
      space.subjects.wantIds(
        kind,
        own.map(({ subject }) => subject),
      );
    }
  }, [budgets.data]);
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
                <OneBudget
                  key={budget.id}
                  budget={budget}
                  of={<Owner of={budget} space={space} />}
                />
              ))}
            </div>
          )
        }
      </Show>
    </Panel>
  );
}

/**
 * The owner of a budget, by name instead of id. Runs of one agent have the same name, so a run also gets the end of its
 * id.
 */
function Owner({ space, of }: { space: Space; of: Budget }) {
  const { level, subject } = of;
  void space.subjects.version.value;
  if (level === "tenant") return <>The tenant</>;
  const name = `${level} ${withNames(space, printable(subject))}`;
  const [page, ...rest] = space.subjects.pathOf(subject) ?? [];
  return (
    <>
      {page ? (
        <a class="underlined" href={href(page, ...rest)}>
          {name}
        </a>
      ) : (
        name
      )}
      {level === "run" && <span class="muted"> …{subject.slice(-4)}</span>}
    </>
  );
}

export function OneBudget({ budget, of }: { budget: Budget; of: ComponentChildren }) {
  const { period, spentUsd, heldUsd, hardUsd, softUsd, refusedAt } = budget;
  const { hardTokens, spentTokens, heldTokens } = budget;
  const label = (
    <>
      {of}, {period === "total" ? "in all" : `a ${period}`}
    </>
  );
  return (
    <div class="budget">
      <Bar label={label} used={spentUsd + heldUsd} most={hardUsd ?? softUsd} unit={dollars} />
      {hardTokens !== null && (
        <Bar
          label={<span class="muted">Tokens</span>}
          used={spentTokens + heldTokens}
          most={hardTokens}
        />
      )}
      {softUsd !== null && hardUsd !== null && (
        <small class="muted">Its soft limit is {dollars(softUsd)}.</small>
      )}
      {refusedAt && (
        <small class="muted">
          A call was refused <Ago at={refusedAt} />.
        </small>
      )}
    </div>
  );
}
