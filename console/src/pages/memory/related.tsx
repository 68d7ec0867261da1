import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Meter } from "../../parts/meter.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { oneLine } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { titleOf } from "./hit.tsx";

const shown = 8;

/** Similar memories, most similar first, including near duplicates. */
export function Similar({ space, id, version }: { space: Space; id: string; version: number }) {
  const similar = useLoaded(
    () => space.mayfly.memory.similar(id, { limit: shown, grouped: false }),
    [id, version],
  );
  return (
    <Panel title="Similar" hint="by meaning, and by the words of task and tags">
      <Show of={similar}>
        {({ results }) =>
          results.length === 0 ? (
            <Empty title="Nothing resembles it." />
          ) : (
            <ul class="similar">
              {results.map((one) => (
                <li key={one.id}>
                  <a href={href("memory", one.id)}>
                    <Likeness label={titleOf(one)} of={one.score} />
                  </a>
                </li>
              ))}
            </ul>
          )
        }
      </Show>
    </Panel>
  );
}

const Likeness = ({ label, of }: { label: string; of: number }) => (
  <div class="bar tone-violet">
    <div>
      <bdi>{label}</bdi>
      <b>{of.toFixed(2)}</b>
    </div>
    <Meter of={of} />
  </div>
);

/** The conversation that this memory is a turn of. */
export function Thread(props: { space: Space; id: string; conversation: string; count: number }) {
  const { space, id, conversation, count } = props;
  const thread = useLoaded(
    () => space.mayfly.memory.thread(conversation, { last: 50 }),
    [conversation, count],
  );
  return (
    <Panel title="Its conversation" hint="the last 50 turns">
      <Show of={thread}>
        {(turns) => (
          <ol class="thread">
            {turns.map((turn) => (
              <li key={turn.id} class={turn.id === id ? "current" : ""}>
                <a href={href("memory", turn.id)}>
                  <bdi>{oneLine(turn.input || turn.task, 200)}</bdi>
                </a>
                {turn.output && <bdi class="muted">{oneLine(turn.output, 300)}</bdi>}
                <Ago at={turn.createdAt} />
              </li>
            ))}
          </ol>
        )}
      </Show>
    </Panel>
  );
}
