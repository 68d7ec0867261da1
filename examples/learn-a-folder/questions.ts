import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Section } from "./extract/index.ts";

/**
 * What somebody new to this repository would like to know. In a hidden file, which no reader opens:
 * otherwise each question would find itself.
 */
export async function ownQuestions(): Promise<string[]> {
  const file = join(import.meta.dirname, ".questions.json");
  return JSON.parse(await readFile(file, "utf8")) as string[];
}

const COUNT = 3;

/** For a folder that nobody asked anything about: what its longest headings or symbols are about. */
export function questionsFor(sections: readonly { path: string; section: Section }[]): string[] {
  const rank = { heading: 0, symbol: 1, text: 2 };
  const chosen: string[] = [];
  const paths = new Set<string>();
  const sorted = sections.toSorted(
    (a, b) =>
      rank[a.section.kind] - rank[b.section.kind] || b.section.text.length - a.section.text.length,
  );
  for (const { path, section } of sorted) {
    const topic = topicOf(section);
    if (paths.has(path) || chosen.includes(topic)) continue;
    paths.add(path);
    chosen.push(topic);
    if (chosen.length === COUNT) break;
  }
  return chosen;
}

function topicOf({ title }: Section): string {
  return (title.split(" › ").at(-1) ?? title).replace(/ \(\d+\/\d+\)$/, "");
}
