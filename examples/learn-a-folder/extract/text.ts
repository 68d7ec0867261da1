import { isBlank, type Section, sections, short, toLines } from "./section.ts";

/** About one screen: small enough to be an answer, large enough to keep neighbours together. */
const ENOUGH_CHARACTERS = 1200;

/** Plain text and settings: whole paragraphs, combined until there is enough for a section. */
export function extractText(text: string, fileName: string): Section[] {
  const lines = toLines(text);
  const found: Section[] = [];
  let start = 0;
  let size = 0;
  for (let index = 0; index <= lines.length; index++) {
    const line = lines[index];
    const ends = line === undefined || (isBlank(line) && size >= ENOUGH_CHARACTERS);
    if (ends) {
      const title = titleOf(lines.slice(start, index), fileName);
      found.push(...sections(lines, start, index, { title, kind: "text" }));
      start = index;
      size = 0;
    } else {
      size += line.length + 1;
    }
  }
  return found;
}

function titleOf(lines: readonly string[], fileName: string): string {
  const telling = lines.find((line) => /[\p{L}\p{N}]{3}/u.test(line));
  return telling ? `${fileName}: ${short(telling, 80)}` : fileName;
}
