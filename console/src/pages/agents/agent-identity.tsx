import type { AgentLife } from "@mayfly/sdk";
import type { ComponentChildren } from "preact";
import type { Condition } from "../../live/agents.ts";
import { Badge } from "../../parts/badge.tsx";
import { Json } from "../../parts/json.tsx";
import { Name } from "../../parts/name.tsx";
import { Facts, Panel } from "../../parts/panel.tsx";
import { oneLine, plural, printable } from "../../parts/text.ts";
import { Ago } from "../../parts/time.tsx";

/** Who the agent is, who spawned it, and what it may do. */
export function AgentIdentity({ life, condition }: { life: AgentLife; condition: Condition }) {
  const { stopReason, suspendReason, stoppedAt, suspendedAt, metadata } = life;
  const facts: [string, ComponentChildren][] = [
    ["Type", printable(life.type)],
    ["Spawned", <Ago key="spawned" at={life.spawnedAt} />],
    ["Spawned by", <Name key="by" id={life.parentId ?? life.spawnedBy} />],
    [stoppedAt ? "Ended" : "Ends", <Ago key="end" at={stoppedAt ?? life.expiresAt} />],
  ];
  if (stopReason) facts.push(["Because", oneLine(stopReason, 500)]);
  if (condition === "suspended" && suspendedAt) {
    facts.push(["Suspended", <Ago key="suspended" at={suspendedAt} />]);
    if (suspendReason) facts.push(["Because", oneLine(suspendReason, 500)]);
  }
  if (life.capabilities.length > 0)
    facts.push([
      "Can",
      <span key="can" class="badges">
        {life.capabilities.map((one) => (
          <Badge key={one} tone="blue">
            {printable(one)}
          </Badge>
        ))}
      </span>,
    ]);
  facts.push([
    "May",
    <details key="may">
      <summary>{plural(life.scopes.length, "scope")}</summary>
      <span class="badges">
        {life.scopes.map((scope) => (
          <Badge key={scope}>{scope}</Badge>
        ))}
      </span>
    </details>,
  ]);
  return (
    <Panel title="Identity">
      <Facts of={facts} />
      {Object.keys(metadata).length > 0 && (
        <div class="panel-body">
          <Json value={metadata} />
        </div>
      )}
    </Panel>
  );
}
