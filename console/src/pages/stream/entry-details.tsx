import type { ComponentChildren } from "preact";
import { href } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Kind } from "../../parts/badge.tsx";
import { Copy } from "../../parts/copy.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Json } from "../../parts/json.tsx";
import { useLoaded } from "../../parts/loaded.tsx";
import { Name } from "../../parts/name.tsx";
import { Facts } from "../../parts/panel.tsx";
import { Ago, At, duration } from "../../parts/time.tsx";
import { config } from "../../session/session.ts";
import { contentOf } from "./content.ts";
import { copiesOf } from "./copies.ts";
import { type Entry, titleOf } from "./entry.ts";

/**
 * All details of a line: its subject, its content if the person may read it, and how to fetch
 * it from outside.
 */
export function EntryDetails(props: { space: Space; entry: Entry; onClose(): void }) {
  const { space, entry } = props;
  const copies = copiesOf(space, config.value?.url ?? "", entry);
  const about = pageAbout(space, entry);
  const value = useLoaded(() => contentOf(space, entry), [entry.key]);
  const facts: [string, ComponentChildren][] = [
    ["Agent", <Name key="who" id={entry.agentId} />],
    ["When", <At key="when" at={entry.at} exact />],
    ["", <Ago key="ago" at={entry.at} />],
  ];
  if (entry.from === "debug") {
    const { durationMs, dropped } = entry.record;
    if (durationMs !== null) facts.push(["Took", duration(durationMs)]);
    if (dropped > 0) facts.push(["Lost before", `${dropped} records`]);
  } else {
    const { agentId, fields, version } = entry.event;
    if (entry.kind === "agent" && agentId) facts.push(["By", <Name key="by" id={agentId} />]);
    if (fields && fields.length > 0) facts.push(["Changed", fields.join(", ")]);
    if (version !== null) facts.push(["Version", version]);
  }
  return (
    <aside class="panel details" aria-label="Details">
      <header>
        <h2>
          <Kind of={entry.from === "log" ? titleOf(entry) : entry.kind} />{" "}
          {entry.from === "debug" && <bdi>{titleOf(entry)}</bdi>}
        </h2>
        <div class="actions">
          <button type="button" class="icon-button" aria-label="Close" onClick={props.onClose}>
            <Icon name="close" size={15} />
          </button>
        </div>
      </header>
      <Facts of={facts.map(([word, shown]) => [word, shown])} />
      {value.data !== null && (
        <div class="panel-body">
          <Json value={value.data} open={3} />
        </div>
      )}
      <div class="panel-body actions">
        <Copy text={copies.curl} label="curl" />
        <Copy text={copies.sql} label="SQL" />
        <Copy text={copies.code} label="Code" />
        <Copy text={() => JSON.stringify(value.data, null, 2)} label="JSON" />
        {entry.agentId && (
          <a class="button small" href={href("agents", entry.agentId)}>
            Agent
          </a>
        )}
        {about && (
          <a class="button small" href={href(...about)}>
            Open
          </a>
        )}
      </div>
    </aside>
  );
}

/** The page of an event's subject, if it has one. */
function pageAbout({ subjects }: Space, entry: Entry): string[] | undefined {
  if (entry.from !== "log" || entry.event.subject === null) return undefined;
  const id = entry.event.subject;
  if (entry.kind === "memory") return ["memory", id];
  if (entry.kind === "workflow") return ["workflows", id];
  return subjects.pathOf(id);
}
