import type { Memory } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Badge } from "../../parts/badge.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Ago } from "../../parts/time.tsx";
import { type Filter, toOptions } from "./filter.ts";
import { titleOf } from "./hit.tsx";
import { kindWord, toneOfKind } from "./kinds.ts";

const [atFirst, most] = [100, 1_000];

/** The newest memories. */
export function Newest({ space, filter, count }: { space: Space; filter: Filter; count: number }) {
  const [limit, setLimit] = useState(atFirst);
  const memories = useLoaded(
    () => space.mayfly.memory.list({ ...toOptions(filter), newestFirst: true, limit }),
    [JSON.stringify(filter), limit, count],
  );
  const isFiltered = Object.values(filter).some((one) => one !== "");
  return (
    <Panel title="The newest" hint="ask above to find by words and by meaning">
      <Show of={memories}>
        {({ memories: all, next }) =>
          all.length === 0 ? (
            <Empty title={isFiltered ? "No memory matches." : "Nothing is remembered yet."}>
              {isFiltered ? (
                "Choose fewer filters."
              ) : (
                <p>
                  An agent remembers with{" "}
                  <code>
                    agent.remember({"{"} task, output, reward: 1 {"}"})
                  </code>
                  . To store a memory yourself, press Remember.
                </p>
              )}
            </Empty>
          ) : (
            <>
              <Table
                label="Memories"
                columns={columns}
                rows={all}
                keyOf={({ id }) => id}
                hrefOf={({ id }) => href("memory", id)}
              />
              {next && limit < most && (
                <button type="button" class="more more-wide" onClick={() => setLimit(most)}>
                  Load older memories
                </button>
              )}
            </>
          )
        }
      </Show>
    </Panel>
  );
}

export const columns: Column<Memory>[] = [
  { title: "Memory", text: true, cell: (memory) => <bdi>{titleOf(memory)}</bdi> },
  {
    title: "Kind",
    cell: ({ kind }) => <Badge tone={toneOfKind(kind)}>{kindWord(kind)}</Badge>,
  },
  { title: "Reward", cell: ({ reward }) => reward ?? "–", number: true, wide: true },
  { title: "Importance", cell: ({ importance }) => importance, number: true, wide: true },
  {
    title: "By",
    cell: ({ agentId }) => (agentId ? <Name id={agentId} /> : <span class="muted">–</span>),
    wide: true,
  },
  { title: "Made", cell: ({ createdAt }) => <Ago at={createdAt} /> },
];
