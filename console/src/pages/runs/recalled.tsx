import type { RunDetails } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Badge } from "../../parts/badge.tsx";
import { useLoaded } from "../../parts/loaded.tsx";
import { Meter } from "../../parts/meter.tsx";
import { Panel } from "../../parts/panel.tsx";
import { oneLine } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";
import { Text } from "./said.tsx";
import { Section } from "./section.tsx";

/** The memories that were recalled before the first step, with their scores, and the text that the model got. */
export function Recalled({ space, run }: { space: Space; run: RunDetails }) {
  const { memories, text } = run.context ?? { memories: [], text: "" };
  const best = Math.max(0.0001, ...memories.map(({ score }) => score));
  return (
    <Panel title="Recalled before the first step" class="picked">
      <ol class="recalled">
        {memories.map(({ id, score }) => (
          <li key={id}>
            <Meter of={score / best} height={6} />
            <small class="muted">{score.toFixed(3)}</small>
            <Memory space={space} id={id} />
          </li>
        ))}
      </ol>
      <Section title="As the model got it" hint="as data, which can approve nothing">
        <Text of={text} />
      </Section>
    </Panel>
  );
}

function Memory({ space, id }: { space: Space; id: string }) {
  const { data, error } = useLoaded(() => space.mayfly.memory.get(id), [id]);
  if (error || data === null)
    return <span class="muted">{error ? "It is not there any more." : "…"}</span>;
  const { task, input, output, kind, createdAt } = data;
  const title = <bdi>{oneLine(task || input || output, 160)}</bdi>;
  return (
    <span class="recalled-one">
      <a href={href("memory", id)}>{title}</a>
      <Badge tone="violet">{kind}</Badge>
      <small class="muted">
        <Ago at={createdAt} />
      </small>
    </span>
  );
}
