import type { JobInfo } from "@mayfly/sdk";
import { href } from "../../app/route.ts";
import { type Happening, saysFailure } from "../../live/events.ts";
import type { Space } from "../../live/space.ts";
import { Kind } from "../../parts/badge.tsx";
import { useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Empty, Panel } from "../../parts/panel.tsx";
import { Subject } from "../../parts/subject.tsx";
import { oneLine, preview } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

const shown = 20;
/** The kinds of events whose subject is a job. A run of an agent and a run of a workflow are jobs, too. */
const ofJobs = ["job", "run", "workflow"];

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
  const failed = space.events.timeline.items.filter(saysFailure).slice(-shown);
  const whyOf = useReasons(space, failed);
  const events = failed.map((event) => ({
    ...{ key: event.key, at: event.at, kind: event.type, event },
    agentId: event.kind === "agent" ? event.subject : event.agentId,
    text: whyOf(event),
  }));
  const errors = (told ?? []).map(({ id, at, agentId, name, data }) => ({
    ...{ key: id, at: at.getTime(), kind: "error", event: null, agentId },
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
          {all.map(({ key, at, kind, agentId, event, text }) => (
            <li key={key}>
              <Ago at={at} />
              <Kind of={kind} />
              <span>
                {agentId && <Name id={agentId} />}{" "}
                {event && event.subject !== agentId && <Subject of={event} />}{" "}
                <bdi class="muted">{text}</bdi>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** Why each of these jobs has failed. An event has only the id of its job. */
function useReasons(space: Space, failed: readonly Happening[]): (event: Happening) => string {
  const ids = space.may("job:read")
    ? failed.flatMap(({ kind, subject }) =>
        ofJobs.includes(kind) && subject !== null ? [subject] : [],
      )
    : [];
  const { data: jobs } = useLoaded<JobInfo[]>(
    () =>
      ids.length > 0
        ? space.mayfly.jobs.list({ ids: [...new Set(ids)], limit: shown })
        : Promise.resolve({ data: [], error: null }),
    [space, ids.join()],
  );
  const reasons = new Map((jobs ?? []).map(({ id, error }) => [id, error?.message ?? ""]));
  return ({ subject }) => oneLine(reasons.get(subject ?? "") ?? "");
}
