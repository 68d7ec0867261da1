import type { Memory } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { columns } from "../memory/newest.tsx";

const shown = 50;
const own = columns.filter(({ title }) => title !== "By");

/** The agent's memories. */
export function AgentMemories({ space, id }: { space: Space; id: string }) {
  const count = useCount(space, ({ kind, agentId }) => kind === "memory" && agentId === id);
  const memories = useLoaded(
    () => space.mayfly.memory.list({ agentId: id, newestFirst: true, limit: shown }),
    [id, count],
  );
  return (
    <Panel
      title="Memories made"
      hint={memories.data?.memories.length === shown ? `the newest ${shown}` : undefined}
    >
      <Show of={memories}>
        {({ memories: rows }) =>
          rows.length === 0 ? (
            <Empty title="It has remembered nothing yet." />
          ) : (
            <Table<Memory>
              label="Memories"
              rows={rows}
              keyOf={(memory) => memory.id}
              hrefOf={(memory) => href("memory", memory.id)}
              columns={own}
            />
          )
        }
      </Show>
    </Panel>
  );
}
