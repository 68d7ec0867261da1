import type { Usage } from "@mayfly/sdk";
import { Bar, bytes } from "../../parts/bar.tsx";
import { type Loaded, Show } from "../../parts/loaded.tsx";
import { Panel } from "../../parts/panel.tsx";

/** What the tenant stores and does, compared with its quotas. */
export function Quotas({ usage }: { usage: Loaded<Usage> }) {
  return (
    <Panel title="Quotas" hint="of this tenant">
      <Show of={usage}>
        {({ memories, bytes: held, living_agents, writes_this_minute, spawns_left, limits }) => {
          const most = (name: string) => limits[name] ?? null;
          const spawns = most("spawns_per_minute");
          return (
            <div class="panel-body bars">
              <Bar
                label="Memories, with forgotten ones"
                used={memories}
                most={most("max_memories")}
              />
              <Bar label="Data" used={held} most={most("max_bytes")} unit={bytes} />
              <Bar
                label="Agents, running or suspended"
                used={living_agents}
                most={most("max_living_agents")}
              />
              <Bar
                label="Writes this minute"
                used={writes_this_minute}
                most={most("writes_per_minute")}
              />
              <Bar
                label="Spawns this minute"
                used={spawns === null ? 0 : Math.max(0, spawns - spawns_left)}
                most={spawns}
              />
            </div>
          );
        }}
      </Show>
    </Panel>
  );
}
