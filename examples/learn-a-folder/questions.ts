import type { Section } from "./extract/index.ts";

/** What somebody new to this repository would like to know. */
export const ownQuestions: readonly string[] = [
  "How long does an agent's token live, and who renews it?",
  "Is a push applied twice when it is sent again?",
  "Which memories come first when I recall something?",
];

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
