import { createHash } from "node:crypto";
import { formatOf } from "./classify.ts";
import { hashOf, type Known } from "./compare.ts";
import type { Section } from "./extract/index.ts";

/** What the newcomer gets back: a section, and where it stands. */
export interface Place {
  path: string;
  line: number;
  from: number;
  hash: string;
  /** What a model has said of the whole file, of which this is the hash. */
  summary?: true;
}

/** The tag of everything that was learned of a folder; a tag has at most 100 characters, a path more. */
export function folderTag(folder: string): string {
  return `folder:${createHash("sha256").update(folder).digest("hex").slice(0, 16)}`;
}

/** A section as an episode: the reader's task was the section, its input the place, its output the text. */
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

/** What a model says of a file: one for each, which a newer one replaces. */
export function toSummary(path: string, summary: string, text: string, tag: string) {
  return {
    key: `${tag} summary of ${path}`.slice(0, 200),
    kind: "episode" as const,
    task: `What ${path} is about`,
    input: `${path}:1`,
    output: summary,
    tags: [tag, "summary", formatOf(path)],
    importance: 9,
    // In the excerpt no line is the title.
    metadata: { path, line: 0, from: 1, hash: textHash(text), summary: true } satisfies Place,
  };
}

export const textHash = (text: string) => createHash("sha256").update(text).digest("base64url");

/** Prose and documented code explain; tests, migrations and bare constants only mention. */
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

/** A memory as comparing needs it. */
export function toKnown(memory: { id: string; task: string; metadata: unknown }): Known | null {
  const place = placeOf(memory.metadata);
  return place && { id: memory.id, title: memory.task, ...place };
}
