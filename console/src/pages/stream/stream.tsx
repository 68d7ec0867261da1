import "./stream.css";
import type { DebugLevel } from "@mayfly/sdk";
import { useEffect, useMemo, useState } from "preact/hooks";
import { route, setQuery } from "../../app/route.ts";
import { hourMs } from "../../live/agents.ts";
import { DebugRecords } from "../../live/debug.ts";
import { Icon } from "../../parts/icon.tsx";
import { say } from "../../parts/notice.tsx";
import { Empty, Head } from "../../parts/panel.tsx";
import { Rows } from "../../parts/rows.tsx";
import { plural } from "../../parts/text.ts";
import { At } from "../../parts/time.tsx";
import type { PageProps } from "../page.ts";
import { Controls } from "./controls.tsx";
import { type Entry, isFailure, merge } from "./entry.ts";
import { EntryDetails } from "./entry-details.tsx";
import { EntryRow, rowHeight } from "./entry-row.tsx";
import { filtered, filterOf, isEmpty } from "./filter.ts";
import { grouped, type Line } from "./group.ts";

/** The events and debug records of the past hour, followed live. */
export default function Stream({ space }: PageProps) {
  const records = useMemo(() => new DebugRecords(space.mayfly), [space]);
  const [follows, setFollows] = useState(true);
  const [held, setHeld] = useState<Entry[] | null>(null);
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const { query } = route.value;
  const filter = filterOf(query);
  const isGrouped = query.get("group") !== "0";
  useEffect(() => {
    if (space.may("debug:read")) void records.readKept(new Date(Date.now() - hourMs));
    return () => void records.stop();
  }, [records]);

  const versions = [space.events.timeline.version.value, records.timeline.version.value];
  const all = useMemo(
    () => held ?? merge(space.events.timeline.items, records.timeline.items),
    [...versions, held],
  );
  const found = useMemo(
    () => filtered(space, all, filter),
    [all, query.toString(), space.names.version.value, space.subjects.version.value],
  );
  const lines: Line[] = useMemo(
    () =>
      isGrouped
        ? grouped(found, (key) => !closed.has(key), isFailure)
        : found.map((entry) => ({ key: entry.key, entry, depth: 0 })),
    [found, isGrouped, closed],
  );
  const picked = query.get("at");
  const shown = picked === null ? undefined : all.find(({ key }) => key === picked);
  const toggle = (key: string) => {
    const next = new Set(closed);
    if (!next.delete(key)) next.add(key);
    setClosed(next);
  };
  const { dropped } = space.events.timeline;
  const loadOlder = async () => {
    setFollows(false);
    const failed = await space.events.readOlder();
    const oldest = space.events.timeline.items[0];
    const unheard =
      failed === null && oldest && space.may("debug:read")
        ? await records.readOlder(new Date(oldest.at))
        : failed;
    if (unheard) say({ tone: "red", title: "Older lines could not be read", error: unheard });
  };
  const older = held === null && space.events.hasOlder && (
    <button type="button" class="more older" onClick={loadOlder}>
      Load older
    </button>
  );
  const begins = all[0] && all[0].at < Date.now() - hourMs ? <At at={all[0].at} /> : "an hour ago";
  return (
    <div class={`stream ${shown ? "picked" : ""}`}>
      <Head
        title="Stream"
        about={
          <>
            {plural(found.length, "line")}
            {!isEmpty(filter) && ` of ${all.length.toLocaleString("en")}`}, since {begins}
            {dropped > 0 && `; ${plural(dropped, "older line")} dropped`}
          </>
        }
      >
        <button
          type="button"
          class="button"
          aria-pressed={held !== null}
          onClick={() => setHeld(held ? null : [...all])}
        >
          <Icon name={held ? "play" : "pause"} size={14} />
          {held ? "Go on" : "Pause"}
        </button>
      </Head>
      <Controls
        space={space}
        filter={filter}
        isGrouped={isGrouped}
        entries={all}
        level={records.level.value}
        listensTo={records.listensTo.value}
        onLevel={(level) => void records.follow(level as DebugLevel)}
      />
      {records.problem.value && <p class="warning">{records.problem.value}</p>}
      <div class="stream-middle">
        <div class="stream-rows">
          {lines.length === 0 ? (
            <Empty
              title={
                isEmpty(filter) ? "Nothing has happened within the past hour." : "No line matches."
              }
            >
              {isEmpty(filter)
                ? "What agents do appears here as it happens. Choose a debug level to see what they report about it."
                : "Use a shorter search, or clear the filters."}
              {older}
            </Empty>
          ) : (
            <Rows
              label="The stream"
              items={lines}
              height={rowHeight}
              keyOf={({ key }) => key}
              follow={follows && held === null}
              onFollow={setFollows}
              top={older}
              row={(line) => (
                <EntryRow
                  space={space}
                  line={line}
                  isPicked={line.key === picked}
                  onPick={() => setQuery({ at: line.key === picked ? null : line.key })}
                  onToggle={() => toggle(line.key)}
                />
              )}
            />
          )}
          {!follows && held === null && (
            <button type="button" class="button primary to-end" onClick={() => setFollows(true)}>
              <Icon name="down" size={14} />
              Newest
            </button>
          )}
        </div>
        {shown && (
          <EntryDetails space={space} entry={shown} onClose={() => setQuery({ at: null })} />
        )}
      </div>
    </div>
  );
}
