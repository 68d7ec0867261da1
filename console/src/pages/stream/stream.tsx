import "./stream.css";
import type { DebugLevel } from "@mayfly/sdk";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { route, setQuery } from "../../app/route.ts";
import { hourMs } from "../../live/agents.ts";
import { DebugRecords } from "../../live/debug.ts";
import { Icon } from "../../parts/icon.tsx";
import { Empty, Head } from "../../parts/panel.tsx";
import { Rows } from "../../parts/rows.tsx";
import { plural } from "../../parts/text.ts";
import { At } from "../../parts/time.tsx";
import { timesKey } from "../../parts/times.tsx";
import type { PageProps } from "../page.ts";
import { Controls } from "./controls.tsx";
import { type Entry, isFailure } from "./entry.ts";
import { EntryDetails } from "./entry-details.tsx";
import { EntryRow, rowHeight } from "./entry-row.tsx";
import { filtered, filterOf, isEmpty } from "./filter.ts";
import { grouped, type Line } from "./group.ts";
import { useSource } from "./sources.ts";

/** How many characters the longest name in the lines has. */
function longestName({ names }: PageProps["space"], entries: readonly Entry[]): number {
  let most = 0;
  for (const id of new Set(entries.map(({ agentId }) => agentId)))
    most = Math.max(most, names.of(id).name.length);
  return most;
}

/** The events and debug records of the past hour, followed live, or those of another time. */
export default function Stream({ space }: PageProps) {
  const records = useMemo(() => new DebugRecords(space.mayfly), [space]);
  const [follows, setFollows] = useState(true);
  const [held, setHeld] = useState<Entry[] | null>(null);
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const { query } = route.value;
  const filter = filterOf(query);
  const isGrouped = query.get("group") !== "0";
  useEffect(() => {
    void space.events.lookForOlder();
    if (space.may("debug:read")) void records.readKept(new Date(Date.now() - hourMs));
    return () => void records.stop();
  }, [records]);

  const source = useSource(space, records, query);
  const all = held ?? source.entries;
  const found = useMemo(
    () => filtered(space, all, filter),
    [all, query.toString(), space.names.version.value, space.subjects.version.value],
  );
  const longest = useMemo(() => longestName(space, found), [found, space.names.version.value]);
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
  const { dropped, loadOlder, isBeginning, until, since, isCut } = source;
  const beginning = isBeginning && <p class="older muted">This is the beginning of the log.</p>;
  const older = held === null && loadOlder && (
    <button
      type="button"
      class="more older"
      onClick={() => {
        setFollows(false);
        void loadOlder();
      }}
    >
      Load older
    </button>
  );
  const isTimed = timesKey(query) !== "";
  const isLive = !isTimed && Math.abs(Date.now() - hourMs - since) < 1_000;
  return (
    <div class={`stream ${shown ? "picked" : ""}`} style={{ "--who": `${longest}ch` }}>
      <Head
        title="Stream"
        about={
          <>
            {plural(found.length, "line")}
            {!isEmpty(filter) && ` of ${all.length.toLocaleString("en")}`}
            {isLive && ", since an hour ago"}
            {!isLive && Number.isFinite(since) && (
              <>
                , since <At at={since} />
              </>
            )}
            {until && (
              <>
                , until <At at={until.getTime()} />
              </>
            )}
            {isCut && "; older ones are not loaded yet"}
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
            source.reads ? (
              <div class="skeleton" role="status" aria-label="Loading" />
            ) : (
              <None isTimed={isTimed} isFiltered={!isEmpty(filter)} older={older} />
            )
          ) : (
            <Rows
              label="The stream"
              items={lines}
              height={rowHeight}
              keyOf={({ key }) => key}
              follow={follows && held === null}
              onFollow={setFollows}
              top={older || beginning}
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

function None(props: { isTimed: boolean; isFiltered: boolean; older: ComponentChildren }) {
  const { isTimed, isFiltered, older } = props;
  if (isFiltered)
    return (
      <Empty title="No line matches.">
        A search looks through the lines that are loaded. Use a shorter one, clear the filters, or
        choose another time.
        {older}
      </Empty>
    );
  return (
    <Empty
      title={
        isTimed ? "Nothing happened in this time." : "Nothing has happened within the past hour."
      }
    >
      {isTimed
        ? "Choose another time, or Live to see what happens now. Old events are deleted after a while."
        : "What agents do appears here as it happens. Choose a debug level to see what they report about it."}
      {older}
    </Empty>
  );
}
