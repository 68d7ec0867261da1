import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";

type Serializer = BaseCheckpointSaver["serde"];

/** JSON begins with no `@`, so what is not JSON can say of which type it is. */
const typed = /^@([^;]*);base64,/;

/** A value as a text that the database can store: JSON as it is, anything else in base64 behind its type. */
export async function toText(serde: Serializer, value: unknown): Promise<string> {
  const [type, bytes] = await serde.dumpsTyped(value);
  if (type === "json") return new TextDecoder().decode(bytes);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `@${type};base64,${btoa(binary)}`;
}

/** What a text of `toText` was. */
export async function fromText(serde: Serializer, text: string): Promise<unknown> {
  const [head, type] = typed.exec(text) ?? [];
  if (head === undefined || type === undefined) return serde.loadsTyped("json", text);
  const binary = atob(text.slice(head.length));
  return serde.loadsTyped(
    type,
    Uint8Array.from(binary, (char) => char.charCodeAt(0)),
  );
}

/**
 * What a list has more than an earlier version of it, as a list of its own. Both are JSON; undefined where
 * the later one does not begin with the earlier one, and an empty text where they are the same.
 */
export function appended(before: string, now: string): string | undefined {
  if (before === now) return "";
  if (!before.startsWith("[") || before.length < 3 || before.startsWith("@")) return undefined;
  const shared = `${before.slice(0, -1)},`;
  return now.startsWith(shared) ? `[${now.slice(shared.length)}` : undefined;
}

/** One text of the parts of a value: one part as it is, several as the list that they are parts of. */
export function joined(parts: string[]): string {
  const [first = "", ...rest] = parts;
  if (rest.length === 0) return first;
  return `[${parts.map((part) => part.slice(1, -1)).join(",")}]`;
}
