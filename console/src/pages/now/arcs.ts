import type { StoredMessage } from "@mayfly/sdk";
import type { Happening } from "../../live/events.ts";

/** A message or a job that went from one agent to another. */
export interface Arc {
  key: string;
  kind: "message" | "handoff" | "job";
  from: string;
  to: string;
  /**
   * `at`: when the message was sent or the job added. `until`: when the message was handled or the
   * job done. As long as it waits, `until` is the same as `at`.
   */
  at: number;
  until: number;
  waits: boolean;
  label: string;
  data: unknown;
}

const handoffs = ["task_handoff", "task_assignment"];

/** Messages between agents: one for each recipient. */
export function messageArcs(messages: Iterable<StoredMessage>): Arc[] {
  const arcs: Arc[] = [];
  for (const { id, senderId, type, payload, sentAt, deliveries } of messages) {
    if (senderId === null) continue;
    for (const { recipientId, acknowledgedAt } of deliveries)
      arcs.push({
        key: `${id} ${recipientId}`,
        kind: handoffs.includes(type) ? "handoff" : "message",
        from: senderId,
        to: recipientId,
        at: sentAt.getTime(),
        until: (acknowledgedAt ?? sentAt).getTime(),
        waits: acknowledgedAt === null,
        label: type,
        data: payload,
      });
  }
  return arcs;
}

const ends = ["job.succeeded", "job.failed", "job.cancelled"];

/** Jobs that one agent added and another finished. */
export function jobArcs(happened: readonly Happening[]): Arc[] {
  const added = new Map<string, Happening>();
  const arcs: Arc[] = [];
  for (const event of happened) {
    const { type, subject, agentId, at } = event;
    if (event.kind !== "job" || subject === null) continue;
    if (type === "job.added") added.set(subject, event);
    const first = added.get(subject);
    if (!ends.includes(type) || !first?.agentId || !agentId || first.agentId === agentId) continue;
    arcs.push({
      key: `job ${subject}`,
      kind: "job",
      from: first.agentId,
      to: agentId,
      at: first.at,
      until: at,
      waits: false,
      label: type.replace("job.", "job "),
      data: { job: subject },
    });
  }
  return arcs;
}
