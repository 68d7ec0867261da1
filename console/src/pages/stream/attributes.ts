import type { Space } from "../../live/space.ts";
import { type Entry, titleOf } from "./entry.ts";

/** An attribute to search for, such as `file:a.log` or `tool.name:grep`. */
export interface Wanted {
  /** The attribute's path, or only the last part of it. */
  name: string;
  value: string;
}

/**
 * The attribute that a word of a search names. Null for any other word, even if it contains a colon
 * like an address or a time of day.
 */
export function wantedBy(word: string): Wanted | null {
  const [, name, value] = /^([a-z_][\w.-]*):(?!\/\/)(.+)$/i.exec(word) ?? [];
  return name && value ? { name: name.toLowerCase(), value: value.toLowerCase() } : null;
}

/** How deep a value is searched for attributes, and the most attributes of an entry. */
const [deepest, most] = [8, 500];
const known = new WeakMap<object, [path: string, value: string][]>();

/** Every attribute of the event or record that the entry shows, by its path, in lower case. */
function attributesOf(entry: Entry): [path: string, value: string][] {
  const source = entry.from === "log" ? entry.event : entry.record;
  const found = known.get(source);
  if (found) return found;
  const all: [string, string][] = [];
  const add = (path: string, value: unknown, depth: number) => {
    if (all.length >= most || value === undefined) return;
    if (value !== null && typeof value === "object" && depth < deepest) {
      const isList = Array.isArray(value);
      for (const [name, inner] of Object.entries(value))
        add(isList ? path : path ? `${path}.${name}` : name, inner, depth + 1);
    } else all.push([path.toLowerCase(), String(value).toLowerCase()]);
  };
  if (entry.from === "log") {
    const { type, subject, version, fields } = entry.event;
    add("", { type, subject, version, fields }, 0);
  } else {
    const { name, category, level, durationMs, data } = entry.record;
    add("", { name, category, level, ms: durationMs }, 0);
    add("", data, 0);
  }
  known.set(source, all);
  return all;
}

/** Whether an attribute with this name contains the value. `agent` is the name of the agent. */
export function has(space: Space, entry: Entry, { name, value }: Wanted): boolean {
  if (name === "agent") return space.names.of(entry.agentId).name.toLowerCase().includes(value);
  if (name === "kind") return entry.kind === value;
  if (name === "title") return titleOf(entry).toLowerCase().includes(value);
  return attributesOf(entry).some(
    ([path, text]) => (path === name || path.endsWith(`.${name}`)) && text.includes(value),
  );
}
