import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Kind } from "../../parts/badge.tsx";
import { useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { oneLine, preview } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

const shown = 20;
const failed = /\.(failed|refused|expired|rejected)$/;

/** The newest failures: events of the log, and errors that agents reported. */
export function Failures({ space }: { space: Space }) {
  void space.events.timeline.version.value;
  const mayHear = space.may("debug:read");
  const { data: told } = useLoaded(
    () =>
      mayHear
        ? space.mayfly.debug.list({ categories: ["error"], limit: shown })
        : Promise.resolve({ data: [], error: null }),
    [space, mayHear],
  );
  const events = space.events.timeline.items
    .filter(({ type }) => failed.test(type))
    .slice(-shown)
    .map(({ key, at, type, agentId, subject }) => ({
      ...{ key, at, kind: type, text: "" },
      agentId: type.startsWith("agent.") ? subject : agentId,
    }));
  const errors = (told ?? []).map(({ id, at, agentId, name, data }) => ({
    ...{ key: id, at: at.getTime(), kind: "error", agentId },
    text: [oneLine(name, 100), data === null ? "" : preview(data, 100)].filter(Boolean).join(" · "),
  }));
  const all = [...events, ...errors].sort((one, other) => other.at - one.at).slice(0, shown);
  return (
    <Panel
      title="Last failures"
      actions={
        <a class="button small" href={`${href("stream")}?failures=1`}>
          In the stream
        </a>
      }
    >
      {all.length === 0 ? (
        <Empty title="Nothing has failed within the past hour." />
      ) : (
        <ul class="failures">
          {all.map(({ key, at, kind, agentId, text }) => (
            <li key={key}>
              <Ago at={at} />
              <Kind of={kind} />
              <span>
                {agentId && <Name id={agentId} />} <bdi class="muted">{text}</bdi>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
