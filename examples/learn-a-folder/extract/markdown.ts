import { isBlank, type Section, sections, toLines } from "./section.ts";

interface Heading {
  title: string;
  level: number;
  /** First line of the heading, from 0. */
  start: number;
  /** First line after the heading. */
  body: number;
}

const atx = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$/;
const underline = /^ {0,3}(=+|-+)[ \t]*$/;
/** Lines that do not become a heading if `---` follows: lists, quotes, tables, rules, indented code. */
const noParagraph = /^(?: {4}|\t| {0,3}(?:[-*+>|]|\d+[.)] |(?:\* *){3,}$|(?:_ *){3,}$))/;

/** One section for each heading with its text, up to the next heading of any level. */
export function extractMarkdown(text: string, fileName: string): Section[] {
  const lines = toLines(text);
  const bodyStart = afterFrontMatter(lines);
  const headings = findHeadings(lines, bodyStart);
  const found = sections(lines, bodyStart, headings[0]?.start ?? lines.length, {
    title: fileName,
    kind: "text",
  });
  const path: Heading[] = [];
  for (const [index, heading] of headings.entries()) {
    const next = headings[index + 1];
    const end = next?.start ?? lines.length;
    while ((path.at(-1)?.level ?? 0) >= heading.level) path.pop();
    path.push(heading);
    const hasBody = lines.slice(heading.body, end).some((line) => !isBlank(line));
    // A heading that contains only other headings says nothing beyond their titles.
    if (!hasBody && next && next.level > heading.level) continue;
    const title = path.map((one) => one.title).join(" › ") || fileName;
    found.push(
      ...sections(lines, heading.start, end, { title, kind: "heading", line: heading.start }),
    );
  }
  return found;
}

function findHeadings(lines: readonly string[], start: number): Heading[] {
  const headings: Heading[] = [];
  let fence: string | null = null;
  let comment = false;
  for (let index = start; index < lines.length; index++) {
    const line = lines[index] ?? "";
    if (fence !== null) {
      if (closes(line, fence)) fence = null;
      continue;
    }
    if (comment) {
      comment = !line.includes("-->");
      continue;
    }
    fence = opens(line);
    if (fence !== null) continue;
    if (/^ {0,3}<!--/.test(line)) {
      comment = !line.includes("-->");
      continue;
    }
    const marks = atx.exec(line);
    if (marks) {
      const title = plain(marks[2] ?? "");
      if (title) {
        headings.push({ title, level: marks[1]?.length ?? 1, start: index, body: index + 1 });
      }
      continue;
    }
    const under = underline.exec(lines[index + 1] ?? "");
    if (under && !isBlank(line) && !noParagraph.test(line)) {
      const level = under[1]?.startsWith("=") ? 1 : 2;
      headings.push({ title: plain(line), level, start: index, body: index + 2 });
      index++;
    }
  }
  return headings;
}

/** The fence that this line opens. Inside a list, a fence may be indented by more than three spaces. */
function opens(line: string): string | null {
  const match = /^\s*(?:[-*+]\s+|\d+[.)]\s+)?(`{3,}(?=[^`]*$)|~{3,})/.exec(line);
  return match?.[1] ?? null;
}

function closes(line: string, fence: string): boolean {
  const text = line.trim();
  return text.length >= fence.length && text === (fence[0] ?? "").repeat(text.length);
}

function afterFrontMatter(lines: readonly string[]): number {
  if (lines[0]?.trimEnd() !== "---") return 0;
  const end = lines.findIndex((line, index) => index > 0 && /^(?:---|\.\.\.)\s*$/.test(line));
  return end === -1 ? 0 : end + 1;
}

/** The text of a heading as a reader sees it. */
function plain(title: string): string {
  return title
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\s*\{#[^}]*\}\s*$/, "")
    .replace(/\*\*|__|`/g, "")
    .trim();
}
