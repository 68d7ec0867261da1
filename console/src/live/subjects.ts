import { oneLine, preview } from "../parts/text.ts";
import type { Happening } from "./events.ts";
import type { Space } from "./space.ts";

/** What an event is about, in words, where the page knows it; else null. */
export function subjectOf(space: Space, event: Happening): string | null {
  const { kind, subject, type } = event;
  if (subject === null) return null;
  if (kind === "agent") {
    const { name } = space.names.of(subject);
    const life = space.agents.get(subject);
    const reason =
      type === "agent.stopped"
        ? life?.stopReason
        : type === "agent.suspended"
          ? life?.suspendReason
          : null;
    return reason ? `${name}: ${oneLine(reason)}` : name;
  }
  if (kind === "message") {
    const message = space.messages.get(subject);
    if (!message) return null;
    const to = message.deliveries.map(({ recipientId }) => space.names.of(recipientId).name);
    const target = to.length > 3 ? `${to.length} recipients` : to.join(", ");
    return `${message.type}${target ? ` to ${target}` : ""}: ${preview(message.payload)}`;
  }
  if (kind === "memory") return space.events.memories.get(subject) ?? null;
  return null;
}
