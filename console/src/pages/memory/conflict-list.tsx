import type { Conflict, Memory, MemoryFields } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Action } from "../../parts/action.tsx";
import { Json } from "../../parts/json.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { plural } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { titleOf } from "./hit.tsx";

const shown = 50;

interface Open {
  memory: Memory;
  conflicts: Conflict[];
}

/** All open conflicts, by memory. */
export function ConflictList({ space, count }: { space: Space; count: number }) {
  const { memory } = space.mayfly;
  const loaded = useLoaded(async () => {
    const page = await memory.conflicts.list({ limit: shown });
    if (page.error) return page;
    const ids = [...new Set(page.data.conflicts.map(({ memoryId }) => memoryId))];
    const found = await Promise.all(ids.map((id) => memory.get(id)));
    const failed = found.find(({ error }) => error);
    if (failed?.error) return failed;
    const open = found.flatMap(({ data }): Open[] =>
      data === null
        ? []
        : [
            {
              memory: data,
              conflicts: page.data.conflicts.filter(({ memoryId }) => memoryId === data.id),
            },
          ],
    );
    return { data: open, error: null };
  }, [count]);
  return (
    <Show of={loaded}>
      {(open) =>
        open.length === 0 ? (
          <Panel title="Conflicts">
            <Empty title="There are no conflicts.">
              <p>
                When two agents change the same field with <code>resolve: "manual"</code>, a person
                decides here.
              </p>
            </Empty>
          </Panel>
        ) : (
          <div class="stack">
            {open.map((one) => (
              <OpenConflicts
                key={one.memory.id}
                space={space}
                of={one}
                titled
                reload={loaded.reload}
              />
            ))}
          </div>
        )
      }
    </Show>
  );
}

/** The open conflicts of one memory, on its page. */
export function ConflictsOf(props: { space: Space; memory: Memory; count: number }) {
  const { space, memory, count } = props;
  const loaded = useLoaded(
    () => space.mayfly.memory.conflicts.list({ memoryId: memory.id, limit: shown }),
    [memory.id, count],
  );
  const conflicts = loaded.data?.conflicts ?? [];
  if (conflicts.length === 0) return null;
  return <OpenConflicts space={space} of={{ memory, conflicts }} reload={loaded.reload} />;
}

function OpenConflicts(props: { space: Space; of: Open; titled?: boolean; reload(): void }) {
  const { space, titled = false, reload } = props;
  const { memory, conflicts } = props.of;
  const resolve = (conflict: Conflict, set: MemoryFields) =>
    space.mayfly.memory.conflicts.resolve([conflict], set);
  return (
    <Panel
      title={titled ? titleOf(memory) : plural(conflicts.length, "open conflict")}
      actions={
        titled && (
          <a class="button small" href={href("memory", memory.id)}>
            The memory
          </a>
        )
      }
    >
      {conflicts.map((conflict) => {
        const { id, field, base, wanted, pushedBy, createdAt } = conflict;
        return (
          <article key={id} class="conflict" aria-label={`Conflict about ${field}`}>
            <p>
              <Name id={pushedBy} /> wanted to change <code>{field}</code> <Ago at={createdAt} />,
              but somebody else had changed it.
            </p>
            <div class="conflict-values">
              <Value title="Before" tone="gray" value={base} />
              <Value title="Now" tone="blue" value={memory[field as keyof Memory]} />
              <Value title="Proposed" tone="amber" value={wanted} />
            </div>
            {space.may("memory:write") && (
              <div class="actions">
                <Action
                  label="Keep the current value"
                  scope="memory:write"
                  done="The current value is kept"
                  run={() => resolve(conflict, {})}
                  after={reload}
                />
                <Action
                  label="Take the proposed value"
                  tone="primary"
                  scope="memory:write"
                  done="The proposed value is taken"
                  run={() => resolve(conflict, { [field]: wanted })}
                  after={reload}
                />
              </div>
            )}
          </article>
        );
      })}
    </Panel>
  );
}

const Value = ({ title, tone, value }: { title: string; tone: string; value: unknown }) => (
  <div class={`conflict-value tone-${tone}`}>
    <small>{title}</small>
    <Json value={value ?? null} open={2} />
  </div>
);
