import type { RunInfo } from "@mayfly/sdk";
import { costOf } from "../../parts/money.ts";
import { Figure } from "../../parts/panel.tsx";
import { plural } from "../../parts/text.ts";
import { duration } from "../../parts/time.tsx";
import { isOver, median, tokens } from "./totals.ts";

/** The totals of a list of runs. */
export function RunFigures({ runs }: { runs: readonly RunInfo[] }) {
  const over = runs.filter(isOver);
  const good = over.filter(({ status }) => status === "succeeded").length;
  const open = runs.length - over.length;
  const middle = median(over.map(({ activeMs }) => activeMs));
  const sum = (pick: (run: RunInfo) => number) => runs.reduce((total, run) => total + pick(run), 0);
  const unpriced = sum((run) => run.unpriced);
  return (
    <div class="figures">
      <Figure
        label="Runs"
        value={runs.length.toLocaleString("en")}
        note={open > 0 ? `${open.toLocaleString("en")} not finished` : "all are finished"}
      />
      <Figure
        label="Succeeded"
        value={over.length === 0 ? "–" : `${Math.round((good / over.length) * 100)} %`}
        note={`${good.toLocaleString("en")} of ${over.length.toLocaleString("en")}`}
        {...(good < over.length && { tone: "amber" })}
      />
      <Figure
        label="Median active time"
        value={middle === null ? "–" : duration(middle)}
        note="without waiting"
      />
      <Figure
        label="Tokens"
        value={tokens(sum((run) => run.inputTokens + run.outputTokens))}
        note={`${tokens(sum((run) => run.inputTokens))} in, ${tokens(sum((run) => run.outputTokens))} out`}
      />
      <Figure
        label="Cost"
        value={costOf({ usd: sum(({ usd }) => usd), unpriced })}
        note={unpriced > 0 ? `${plural(unpriced, "call")} without a price` : "of all these runs"}
      />
    </div>
  );
}
