import { subjectOf } from "../../live/about.ts";
import type { Space } from "../../live/space.ts";
import { Kind } from "../../parts/badge.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Json } from "../../parts/json.tsx";
import { Name } from "../../parts/name.tsx";
import { Facts } from "../../parts/panel.tsx";
import { At, duration } from "../../parts/time.tsx";
import type { Picked } from "./board.tsx";

/** All details of the item that was selected on the board. */
export function Details(props: { space: Space; of: Picked; onClose(): void }) {
  const { space, of } = props;
  return (
    <aside class="panel details" aria-label="Details">
      <header>
        <h2>
          <Kind of={of.kind === "event" ? of.event.type : of.arc.label} />
        </h2>
        <div class="actions">
          <button type="button" class="icon-button" aria-label="Close" onClick={props.onClose}>
            <Icon name="close" size={15} />
          </button>
        </div>
      </header>
      {of.kind === "event" ? <EventFacts space={space} of={of} /> : <ArcFacts of={of} />}
    </aside>
  );
}

function EventFacts({ space, of }: { space: Space; of: Extract<Picked, { kind: "event" }> }) {
  const { agentId, at, subject, fields, version } = of.event;
  const about = subjectOf(space, of.event);
  return (
    <Facts
      of={[
        ["By", <Name key="by" id={agentId} />],
        ["When", <At key="when" at={at} exact />],
        ["About", about ?? subject ?? "–"],
        ["Changed", fields?.join(", ") || null],
        ["Version", version],
      ]}
    />
  );
}

function ArcFacts({ of: { arc } }: { of: Extract<Picked, { kind: "arc" }> }) {
  const took = arc.waits ? "waits" : duration(arc.until - arc.at);
  return (
    <>
      <Facts
        of={[
          ["From", <Name key="from" id={arc.from} />],
          ["To", <Name key="to" id={arc.to} />],
          ["Sent", <At key="sent" at={arc.at} exact />],
          [arc.kind === "job" ? "Done in" : "Handled in", took],
        ]}
      />
      <div class="panel-body">
        <Json value={arc.data} open={3} />
      </div>
    </>
  );
}
