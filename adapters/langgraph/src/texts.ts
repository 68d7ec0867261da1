import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";

type Serializer = BaseCheckpointSaver["serde"];

/** JSON never begins with `@`, so a value that is not JSON begins with `@` and its type. */
const typed = /^@([^;]*);base64,/;

/**
 * A value as a text that the database can store. JSON stays as it is. Anything else is its type
 * followed by base64.
 */
export async function toText(serde: Serializer, value: unknown): Promise<string> {
  const [type, bytes] = await serde.dumpsTyped(value);
  if (type === "json") return new TextDecoder().decode(bytes);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `@${type};base64,${btoa(binary)}`;
}

/** Reverses `toText`. */
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
 * The elements that were added to a list since an earlier version, as a list. Both are JSON. Undefined if the
 * later list does not begin with the earlier one. An empty text if the lists are the same.
 */
export function appended(before: string, now: string): string | undefined {
  if (before === now) return "";
  if (!before.startsWith("[") || before.length < 3 || before.startsWith("@")) return undefined;
  const shared = `${before.slice(0, -1)},`;
  return now.startsWith(shared) ? `[${now.slice(shared.length)}` : undefined;
}

/** Joins the parts of a value into one text: a single part as it is, several parts as one list. */
export function joined(parts: string[]): string {
  const [first = "", ...rest] = parts;
  if (rest.length === 0) return first;
  return `[${parts.map((part) => part.slice(1, -1)).join(",")}]`;
}
