import type { Space } from "../../live/space.ts";
import { useCount } from "../../live/use-count.ts";
import { Bar } from "../../parts/bar.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Panel } from "../../parts/panel.tsx";
import { plural, printable } from "../../parts/text.ts";

/** How many memories have a vector, and how many wait for one. */
export function Embeddings({ space }: { space: Space }) {
  const count = useCount(space, ({ kind }) => kind === "memory");
  const statistics = useLoaded(() => space.mayfly.memory.statistics(), [count]);
  return (
    <Panel title="Embeddings" hint="memories that can be found by meaning">
      <Show of={statistics}>
        {({ memories, withVector, withoutVector, conflicts }) => (
          <div class="panel-body bars">
            {Object.entries(withVector).map(([model, vectors]) => (
              <Bar key={model} label={printable(model)} used={vectors} most={memories} full />
            ))}
            <p class={withoutVector > 0 ? "" : "muted"}>
              {withoutVector === 0
                ? "No memory waits for a vector."
                : `${plural(withoutVector, "memory", "memories")} without a vector: found by words only until the next sync or maintenance embeds ${withoutVector === 1 ? "it" : "them"}.`}
            </p>
            {conflicts > 0 && (
              <p>{plural(conflicts, "conflict")} of memories to resolve by hand.</p>
            )}
          </div>
        )}
      </Show>
    </Panel>
  );
}
