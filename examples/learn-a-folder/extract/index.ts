import { basename, extname } from "node:path";
import { extractCode } from "./code.ts";
import { languageOf } from "./languages.ts";
import { extractMarkdown } from "./markdown.ts";
import type { Section } from "./section.ts";
import { extractText } from "./text.ts";

export type { Section } from "./section.ts";

const markdown = new Set([".md", ".markdown", ".mdx", ".mdown"]);

/** The sections of a file, by the type that its name implies. */
export function extract(path: string, text: string): Section[] {
  const name = basename(path);
  if (markdown.has(extname(name).toLowerCase())) return extractMarkdown(text, name);
  const language = languageOf(name);
  return language ? extractCode(text, name, language) : extractText(text, name);
}
