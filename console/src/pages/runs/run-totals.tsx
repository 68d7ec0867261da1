import type { RunDetails } from "@mayfly/sdk";
import { second } from "../../live/clock.ts";
import { costOf, dollars } from "../../parts/money.ts";
import { Figure } from "../../parts/panel.tsx";
import { plural } from "../../parts/text.ts";
import { duration } from "../../parts/time.tsx";
import { isOver, ranMs, tokens } from "./totals.ts";

/** The numbers of a run. */
export function RunTotals({ run }: { run: RunDetails }) {
  const { steps, limits, activeMs, inputTokens, outputTokens, unpriced, tools, calls } = run;
  const waited = ranMs(run, isOver(run) ? 0 : second.value) - activeMs;
  const cached = calls.reduce((sum, { usage }) => sum + (usage?.cache_read ?? 0), 0);
  const failed = tools.filter(({ status }) => status === "failed" || status === "denied").length;
  const recalled = run.context?.memories.length ?? 0;
  return (
    <div class="figures run-totals">
      <Figure label="Steps" value={steps} note={limits.steps ? `of ${limits.steps}` : undefined} />
      <Figure
        label="At work"
        value={duration(activeMs)}
        note={
          run.status === "running"
            ? "so far"
            : waited > 1_000
              ? `waited ${duration(waited)}`
              : waited > 0
                ? "waited less than 1 s"
                : "never waited"
        }
      />
      <Figure
        label="Tokens"
        value={tokens(inputTokens + outputTokens)}
        note={`${tokens(inputTokens)} in, ${tokens(outputTokens)} out`}
      />
      <Figure
        label="From cache"
        value={inputTokens === 0 ? "–" : `${Math.round((cached / inputTokens) * 100)} %`}
        note={`${tokens(cached)} of ${tokens(inputTokens)}`}
      />
      <Figure
        label="Tools"
        value={tools.length}
        note={failed > 0 ? `${failed} failed or denied` : "none failed"}
        {...(failed > 0 && { tone: "red" })}
      />
      <Figure label="Recalled" value={recalled} note={recalled === 1 ? "memory" : "memories"} />
      <Figure
        label="Cost"
        value={costOf(run)}
        note={
          unpriced > 0
            ? `${plural(unpriced, "call")} without a price`
            : limits.usd
              ? `of ${dollars(limits.usd)}`
              : "no limit"
        }
      />
    </div>
  );
}
