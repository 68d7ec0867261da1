import type { Memory } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Badge } from "../../parts/badge.tsx";
import { Json } from "../../parts/json.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Table } from "../../parts/table.tsx";
import { oneLine } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

/** What it has learned. */
export function AgentMemories({ space, id }: { space: Space; id: string }) {
  const count = useCount(space, ({ kind, agentId }) => kind === "memory" && agentId === id);
  const memories = useLoaded(
    () => space.mayfly.memory.list({ agentId: id, limit: 50 }),
    [id, count],
  );
  if (!space.may("memory:read")) return null;
  return (
    <Panel title="Memories made">
      <Show of={memories}>
        {({ memories: rows }) =>
          rows.length === 0 ? (
            <Empty title="It has remembered nothing yet." />
          ) : (
            <Table<Memory>
              label="Memories"
              rows={rows}
              keyOf={(memory) => memory.id}
              columns={[
                {
                  title: "Task",
                  cell: ({ task, input, output }) => (
                    <bdi>{oneLine(task || input || output, 90)}</bdi>
                  ),
                },
                {
                  title: "Kind",
                  cell: ({ kind }) => <Badge tone="violet">{kind}</Badge>,
                  wide: true,
                },
                { title: "Reward", cell: ({ reward }) => reward ?? "–", number: true, wide: true },
                { title: "Made", cell: ({ createdAt }) => <Ago at={createdAt} /> },
              ]}
              inside={({ task, input, output, critique, tags, metadata }) => (
                <Json value={{ task, input, output, critique, tags, metadata }} open={1} />
              )}
            />
          )
        }
      </Show>
    </Panel>
  );
}
