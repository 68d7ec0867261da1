import { useEffect, useMemo } from "preact/hooks";
import { hourMs } from "../../live/agents.ts";
import type { DebugRecords } from "../../live/debug.ts";
import type { Space } from "../../live/space.ts";
import { Span } from "../../live/span.ts";
import { say } from "../../parts/notice.tsx";
import { timesKey, timesOf } from "../../parts/times.tsx";
import { type Entry, merge } from "./entry.ts";

/** Where the lines of the stream come from. */
interface Source {
  /** All lines, before they are filtered, in the order of time. */
  entries: Entry[];
  /** Since when the lines are complete. */
  since: number;
  /** Whether the span of time, such as the past hour, has older lines that are not loaded. */
  isCut: boolean;
  until: Date | undefined;
  /** Whether an answer is awaited. */
  reads: boolean;
  /** Reads older lines. Null if there are none. */
  loadOlder: (() => Promise<void>) | null;
  /** Whether the first line is the first one of the log. */
  isBeginning: boolean;
  dropped: number;
}

/**
 * The lines of the span of time that the address names. Without one, those that the page has: the
 * past hour, everything since, and what the person has loaded before that.
 */
export function useSource(space: Space, records: DebugRecords, query: URLSearchParams): Source {
  const key = timesKey(query);
  const span = useMemo(() => (key === "" ? null : new Span(space, timesOf(query))), [space, key]);
  useEffect(() => {
    if (span) void span.read().then(tell);
  }, [span]);
  const live = [space.events.timeline, records.timeline] as const;
  const versions = [
    ...live.map(({ version }) => version.value),
    span?.events.version.value,
    span?.records.version.value,
  ];
  const entries = useMemo(() => {
    const [events, told] = [live[0].items, live[1].items];
    if (!span) return merge(events, told);
    return merge(span.united(span.events.items, events), span.united(span.records.items, told));
  }, [span, ...versions]);
  const oldest = entries[0]?.at ?? Number.POSITIVE_INFINITY;
  if (!span) {
    const complete = Math.max(...live.map(({ completeSince }) => completeSince));
    const hourAgo = Date.now() - hourMs;
    const canLoad = space.events.hasOlder || records.hasOlder;
    return {
      entries,
      since: Math.max(complete, Math.min(oldest, hourAgo)),
      isCut: complete > hourAgo && canLoad,
      until: undefined,
      reads: false,
      loadOlder: canLoad ? () => loadOlder(space, records) : null,
      isBeginning: space.events.hasBeginning && space.events.timeline.dropped === 0,
      dropped: space.events.timeline.dropped,
    };
  }
  const { reads, hasOlder } = span.state.value;
  const { since, until } = span.times;
  return {
    entries,
    since: hasOlder ? oldest : (since?.getTime() ?? oldest),
    isCut: hasOlder,
    until,
    reads,
    loadOlder: hasOlder ? () => span.read().then(tell) : null,
    isBeginning: false,
    dropped: 0,
  };
}

async function loadOlder(space: Space, records: DebugRecords): Promise<void> {
  const failed = space.events.hasOlder ? await space.events.readOlder() : null;
  const oldest = space.events.timeline.items[0];
  tell(
    failed === null && oldest && space.may("debug:read")
      ? await records.readOlder(new Date(oldest.at))
      : failed,
  );
}

function tell(error: Awaited<ReturnType<Span["read"]>>): void {
  if (error) say({ tone: "red", title: "Older lines could not be read", error });
}
