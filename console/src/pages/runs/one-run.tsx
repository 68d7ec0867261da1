import type { RunDetails } from "@mayfly/sdk";
import { useEffect, useMemo, useState } from "preact/hooks";
import { href, route, setQuery } from "../../app/route.ts";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { Status } from "../../parts/badge.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Refusal } from "../../parts/notice.tsx";
import { Empty, Head } from "../../parts/panel.tsx";
import { preview, printable } from "../../parts/text.ts";
import { TwoPanels } from "../../parts/two-panels.tsx";
import { FollowedRun } from "./follow.ts";
import { axisOf, itemsOf } from "./items.ts";
import { Picked } from "./picked.tsx";
import { Player, usePlay } from "./play.tsx";
import { RunActions } from "./run-actions.tsx";
import { RunNotice } from "./run-notice.tsx";
import { RunTotals } from "./run-totals.tsx";
import { Timeline } from "./timeline.tsx";
import { isOver } from "./totals.ts";

/** One run, step by step, live until it ends. */
export function OneRun({ space, id }: { space: Space; id: string }) {
  const run = useMemo(() => new FollowedRun(space, id), [space, id]);
  useEffect(() => {
    run.start();
    return () => run.stop();
  }, [run]);
  void run.version.value;
  const details = run.details.value;
  if (details) return <Body space={space} run={run} details={details} />;
  const error = run.error.value;
  if (!error) return <div class="skeleton" role="status" aria-label="Loading" />;
  return (
    <>
      <Head title="A run" />
      <Empty title="This run could not be read.">
        <Refusal error={error} />
        <a href={href("runs")}>All runs</a>
      </Empty>
    </>
  );
}

function Body(props: { space: Space; run: FollowedRun; details: RunDetails }) {
  const { space, run, details } = props;
  const { agent, status, input, id } = details;
  const over = isOver(details);
  const { spoken } = run;
  // Bars grow only while a model or a tool works.
  const works =
    !over && (spoken !== null || details.tools.some(({ status: of }) => of === "started"));
  const now = works ? second.value : 0;
  const items = useMemo(
    () => itemsOf(details, spoken),
    [details, spoken, spoken?.text, spoken?.calls.length],
  );
  const axis = useMemo(() => axisOf(items, Date.now()), [items, now]);
  const play = usePlay(axis.busyMs);
  const [follows, setFollows] = useState(!over);
  const asked = route.value.query.get("at");
  const reached =
    play.at === null ? items : items.filter(({ from }) => axis.place(from) <= (play.at ?? 1));
  const newest = reached.at(-1)?.key ?? "run";
  const wanted =
    play.at !== null || (follows && !over && asked === null) ? newest : (asked ?? "run");
  const picked = reached.find(({ key }) => key === wanted);
  const pick = (key: string) => {
    setFollows(false);
    play.stop();
    setQuery({ at: key });
  };
  return (
    <div class="run">
      <Head
        title={
          <>
            <bdi>{printable(agent)}</bdi> <Status of={status} />
          </>
        }
        about={<bdi>{preview(input, 240)}</bdi>}
      >
        <Copy text={id} label="Id" />
        <RunActions space={space} run={details} onChange={() => run.reload()} />
      </Head>
      <RunNotice space={space} run={details} onChange={() => run.reload()} />
      <RunTotals run={details} />
      <TwoPanels
        left={
          <Timeline
            run={details}
            items={reached}
            axis={axis}
            picked={picked?.key ?? "run"}
            onPick={pick}
            clip={play.at}
            player={items.length > 1 && over ? <Player play={play} /> : null}
          />
        }
        right={
          <Picked
            space={space}
            run={details}
            item={picked ?? null}
            share={shareOf(play.at, picked, axis)}
            onPick={pick}
          />
        }
      />
    </div>
  );
}

/** How much of an item has been replayed, from 0 to 1. */
function shareOf(
  at: number | null,
  item: { from: number; until: number | null } | undefined,
  { place }: { place(at: number): number },
): number {
  if (at === null || !item || item.until === null) return 1;
  const [from, until] = [place(item.from), place(item.until)];
  return until <= from ? 1 : Math.min(1, (at - from) / (until - from));
}
