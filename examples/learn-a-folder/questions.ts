import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Section } from "./extract/index.ts";

/**
 * Questions from somebody new to this repository. They are in a hidden file that no reader opens, because
 * otherwise each question would find itself.
 */
export async function ownQuestions(): Promise<string[]> {
  const file = join(import.meta.dirname, ".questions.json");
  return JSON.parse(await readFile(file, "utf8")) as string[];
}

const COUNT = 3;
/** Headings that every project has, and versions and dates. A question about them says nothing about the folder. */
const generic =
  /^(?:(?:table of )?contents|licen[cs]e|install(?:ation|ing)?|usage|getting started|contribut(?:ing|ors)|change ?log|credits|acknowledge?ments|references|appendix|notes|todo|readme|v?\d[\d.\-/ ]*.*|\[?unreleased\]?.*)$/i;

/** Questions about the topics of the longest sections, for a folder about which nobody asked anything. */
export function questionsFor(sections: readonly { path: string; section: Section }[]): string[] {
  const rank = { heading: 0, symbol: 1, text: 2 };
  const chosen: string[] = [];
  const paths = new Set<string>();
  const sorted = sections.toSorted(
    (a, b) =>
      rank[a.section.kind] - rank[b.section.kind] || b.section.text.length - a.section.text.length,
  );
  for (const { path, section } of sorted) {
    const question = questionAbout(section);
    if (question === null || paths.has(path) || chosen.includes(question)) continue;
    paths.add(path);
    chosen.push(question);
    if (chosen.length === COUNT) break;
  }
  return chosen;
}

/**
 * A question about a section. All of its words except those of the topic are words that a search
 * ignores.
 */
function questionAbout({ title, kind }: Section): string | null {
  const topic = (title.split(" › ").at(-1) ?? title).replace(/ \(\d+\/\d+\)$/, "").trim();
  if (!/\p{L}{3}/u.test(topic)) return null;
  if (kind === "symbol") return questionAboutSymbol(topic);
  if (kind === "text") return `What is “${topic.replace(/^[^:]+: /, "")}” about?`;
  if (generic.test(topic)) return null;
  const heading = topic.replace(/[:.…]+$/, "");
  return /\?$/.test(heading) ? heading : `What is “${heading}” about?`;
}

const declared =
  /\b(?:class|interface|type|enum|struct|trait|record|object|namespace|module|function\*?|procedure|table|view|def|fn|func?|fun)\s+([\w.$]+)/i;

/**
 * A question about a symbol. There is none about a test, because the title of a test already says
 * everything.
 */
function questionAboutSymbol(signature: string): string | null {
  if (/^(?:describe|test|it|suite|bench)\b/.test(signature)) return null;
  const before = signature.replace(/[({=:;<].*$/s, "").trim();
  const name = declared.exec(before)?.[1] ?? before.split(/\s+/).at(-1);
  if (!name || name === "constructor" || !/^[\w.$#-]*\p{L}{2}[\w.$#-]*$/u.test(name)) return null;
  return signature.includes("(") ? `What does ${name} do?` : `What is ${name} for?`;
}
