import type { DebugLevel } from "@mayfly/sdk";
import { useEffect, useMemo, useState } from "preact/hooks";
import { withNames } from "../../live/about.ts";
import { DebugRecords } from "../../live/debug.ts";
import type { Space } from "../../live/space.ts";
import { Kind } from "../../parts/badge.tsx";
import { Json } from "../../parts/json.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Rows } from "../../parts/rows.tsx";
import { Select } from "../../parts/select.tsx";
import { oneLine, preview } from "../../parts/text.ts";
import { At, duration } from "../../parts/time.tsx";

const levels: readonly [string, string][] = [
  ["silent", "Silent"],
  ["basic", "Basic"],
  ["detailed", "Detailed"],
  ["verbose", "Verbose"],
  ["trace", "Trace"],
];
const dayMs = 86_400_000;

/** What an agent reports about its work: stored records, and live ones once a level is chosen. */
export function AgentDebug(props: { space: Space; id: string; alive: boolean }) {
  const { space, id, alive } = props;
  const records = useMemo(() => new DebugRecords(space.mayfly, id), [id]);
  const [open, setOpen] = useState<string | null>(null);
  const [follows, setFollows] = useState(true);
  useEffect(() => {
    void records.readKept(new Date(Date.now() - dayMs));
    return () => void records.stop();
  }, [records]);
  void records.timeline.version.value;
  const { items } = records.timeline;
  const shown = items.find(({ key }) => key === open);
  return (
    <Panel
      title="Debug stream"
      hint={
        alive ? "what it reports about its work, at the level that you choose" : "stored records"
      }
      actions={
        <Select
          label="Debug level"
          value={String(records.level.value)}
          options={levels}
          onChange={(level) => void records.follow(level as DebugLevel)}
        />
      }
    >
      {records.problem.value && <p class="warning">{records.problem.value}</p>}
      {items.length === 0 ? (
        <Empty
          title={
            records.level.value === "silent" ? "It is silent." : "It has reported nothing yet."
          }
        >
          {records.level.value === "silent" &&
            "Choose a level. The agent reports at this level at once, and becomes silent when you leave."}
        </Empty>
      ) : (
        <div class="debug-rows">
          <Rows
            label="Debug records"
            items={items}
            height={30}
            keyOf={({ key }) => key}
            follow={follows}
            onFollow={setFollows}
            row={({ key, at, category, name, data, durationMs }) => (
              <button
                type="button"
                class={`debug-row ${key === open ? "open" : ""}`}
                onClick={() => setOpen(key === open ? null : key)}
              >
                <At at={at} />
                <Kind of={category} />
                <bdi>{oneLine(name, 80)}</bdi>
                <span class="muted">{data === null ? "" : withNames(space, preview(data))}</span>
                {durationMs !== null && <span class="muted">{duration(durationMs)}</span>}
              </button>
            )}
          />
        </div>
      )}
      {shown && (
        <div class="panel-body">
          <Json value={shown.data} open={3} />
        </div>
      )}
    </Panel>
  );
}
