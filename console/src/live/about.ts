/** Puts into words what an event or a text is about, with names instead of ids. */
import { oneLine, preview } from "../parts/text.ts";
import type { Happening } from "./events.ts";
import type { Space } from "./space.ts";

const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;

/** A text with names in place of ids. Of an id whose name is not known, only the end is left. */
export const withNames = ({ names, subjects }: Space, text: string): string =>
  text.replace(uuid, (id) => subjects.get(id) ?? names.of(id).name);

/** What an event is about, in words. Null if the page does not know the event's subject. */
export function subjectOf(space: Space, event: Happening): string | null {
  const { kind, subject, type } = event;
  if (subject === null) return null;
  if (kind === "agent") return aboutAgent(space, subject, type);
  if (kind === "message") return aboutMessage(space, subject);
  if (kind === "memory")
    return space.events.memories.get(subject) ?? space.subjects.get(subject) ?? null;
  if (kind === "member") return space.names.of(subject).name;
  const known = space.subjects.get(subject);
  return known === undefined ? null : withNames(space, known);
}

function aboutAgent(space: Space, id: string, type: string): string {
  const life = space.agents.get(id);
  const reasons = { "agent.stopped": life?.stopReason, "agent.suspended": life?.suspendReason };
  const reason = reasons[type as keyof typeof reasons];
  const { name } = space.names.of(id);
  return reason ? `${name}: ${oneLine(reason)}` : name;
}

function aboutMessage(space: Space, id: string): string | null {
  const message = space.messages.get(id);
  if (!message) return null;
  const to = message.deliveries.map(({ recipientId }) => space.names.of(recipientId).name);
  const target = to.length > 3 ? `${to.length} recipients` : to.join(", ");
  return `${message.type}${target ? ` to ${target}` : ""}: ${preview(message.payload)}`;
}
