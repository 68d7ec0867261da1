import { createHash } from "node:crypto";
import { formatOf } from "./classify.ts";
import { hashOf, type Known } from "./compare.ts";
import type { Section } from "./extract/index.ts";

/** What the newcomer recalls: a section and its place. */
export interface Place {
  path: string;
  line: number;
  from: number;
  hash: string;
  /** Set for a model's summary of a whole file. `hash` is then the hash of this file. */
  summary?: true;
}

/** The tag of everything learned from a folder. Tags have at most 100 characters, so a long path is shortened. */
export function folderTag(folder: string): string {
  return `folder:${createHash("sha256").update(folder).digest("hex").slice(0, 16)}`;
}

/** A section as an episode. The section is the reader's task, its place the input, and its text the output. */
export function toEpisode(section: Section, path: string, tag: string) {
  const { title, kind, line, from, text } = section;
  return {
    kind: "episode" as const,
    task: title,
    input: `${path}:${line}`,
    output: text,
    tags: [tag, kind, formatOf(path)],
    importance: importanceOf(section, path),
    metadata: { path, line, from, hash: hashOf(section) } satisfies Place,
  };
}

/** A model's summary of a file. Each file has one, and a newer one replaces it. */
export function toSummary(path: string, summary: string, text: string, tag: string) {
  return {
    key: `${tag} summary of ${path}`.slice(0, 200),
    kind: "episode" as const,
    task: `What ${path} is about`,
    input: `${path}:1`,
    output: summary,
    tags: [tag, "summary", formatOf(path)],
    importance: 9,
    // `line` is 0, because no line of the file is the title of a summary.
    metadata: { path, line: 0, from: 1, hash: textHash(text), summary: true } satisfies Place,
  };
}

export const textHash = (text: string) => createHash("sha256").update(text).digest("base64url");

/** Prose and documented code explain things. Tests, migrations and bare constants only mention them. */
function importanceOf(section: Section, path: string): number {
  if (/(?:^|[/._-])(?:tests?|specs?|__tests__|migrations?)[/._]/.test(path)) return 2;
  if (section.kind === "heading") return 9;
  if (section.kind === "text") return 5;
  if (section.from < section.line) return 7;
  return section.text.length < 100 ? 2 : 5;
}

/** The place that a memory's metadata names, or null for a memory of another kind. */
export function placeOf(metadata: unknown): Place | null {
  if (typeof metadata !== "object" || metadata === null) return null;
  const { path, line, from, hash, summary } = metadata as Record<keyof Place, unknown>;
  return typeof path === "string" &&
    typeof line === "number" &&
    typeof from === "number" &&
    typeof hash === "string"
    ? { path, line, from, hash, ...(summary === true && { summary }) }
    : null;
}

/** A memory in the form that comparing needs. */
export function toKnown(memory: { id: string; task: string; metadata: unknown }): Known | null {
  const place = placeOf(memory.metadata);
  return place && { id: memory.id, title: memory.task, ...place };
}
