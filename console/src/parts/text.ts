// Everything that agents, tools and people wrote is shown as text, never as markup, and without
// hidden characters.

/**
 * Control characters except tab and line feed, invisible characters, and changes of the writing
 * direction.
 */
const hidden = /(?![\t\n])[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** Makes invisible characters visible. Escape sequences are shown and have no effect. */
export const printable = (text: string): string =>
  text.replace(hidden, (character) => {
    const code = character.charCodeAt(0);
    if (code === 0x1b) return "␛";
    if (code === 0x0d) return "␍";
    return code < 0x20
      ? String.fromCharCode(0x2400 + code)
      : `⟨${code.toString(16).padStart(4, "0")}⟩`;
  });

/** A text in one line, cut if it is too long. */
export function oneLine(text: string, most = 200): string {
  const cut = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  return printable(cut.replace(/\s+/g, " "));
}

/**
 * The title of a memory, in one line. The title is not always the task, because turns of a
 * conversation have no task.
 */
export const titleOfMemory = (memory: {
  task?: string | null;
  input?: string | null;
  output?: string | null;
}): string => oneLine(memory.task || memory.input || memory.output || "");

/** A value in one line, as far as it fits. */
export function preview(value: unknown, most = 160): string {
  if (typeof value === "string") return oneLine(value, most);
  if (value === null || typeof value !== "object") return String(value);
  const parts: string[] = [];
  let length = 0;
  for (const [key, inner] of Object.entries(value)) {
    if (length > most) break;
    const shown =
      typeof inner === "object" && inner !== null && !(inner instanceof Date)
        ? Array.isArray(inner)
          ? `[${inner.length}]`
          : "{…}"
        : oneLine(inner instanceof Date ? inner.toISOString() : String(inner), 80);
    const part = Array.isArray(value) ? shown : `${oneLine(key, 40)}: ${shown}`;
    parts.push(part);
    length += part.length + 2;
  }
  return oneLine(parts.join(", "), most);
}

export const plural = (count: number, one: string, many = `${one}s`) =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
