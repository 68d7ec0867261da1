import type { Language } from "./languages.ts";
import { isBlank, type Section, sections, short, toLines } from "./section.ts";

/**
 * A class of at most this many characters is a good answer by itself. The methods of a longer class
 * are better answers than the class.
 */
const LONG_SYMBOL = 1500;
const MAX_DEPTH = 3;
/**
 * A symbol with fewer characters than this, such as an accessor or a bare constant, answers nothing
 * by itself. Alone, it would be the shortest match for many questions.
 */
const SMALL_SYMBOL = 120;

/** Lines that belong to the symbol above them although they are not indented. */
const closing =
  /^(?:[})\]{;`>|&?:]|=>|\*\/|end\b|else\b|catch\b|finally\b|except\b|elif\b|then\b|where\b)/;
const constant = /^(?:const|let|var|static|#define|[A-Z][A-Z0-9_]*)\b/;
const testName = /^(describe|test|it|suite|bench)[\w.]*\(\s*(["'`])(.*?)\2/;

interface Block {
  /** The lines of a symbol or file, counted from 0, without `end`. */
  start: number;
  end: number;
  indent: string;
  crumbs: readonly string[];
}

interface Head {
  title: string;
  line: number;
  kind: Section["kind"];
}

/**
 * One section for each symbol with its doc comment. Imports are left out, and the rest is kept as text.
 */
export function extractCode(text: string, fileName: string, language: Language): Section[] {
  const lines = toLines(text);
  const block: Block = { start: 0, end: lines.length, indent: "", crumbs: [] };
  return outline(lines, block, language, null, fileName);
}

function outline(
  lines: readonly string[],
  block: Block,
  language: Language,
  head: Head | null,
  fileName: string,
): Section[] {
  const found: Section[] = [];
  const at = (index: number) => dedent(lines[index] ?? "", block.indent);
  const nested = block.crumbs.length > 0;
  const starts = (index: number) => {
    const line = at(index);
    return language.starts.test(line) || (nested && (language.members?.test(line) ?? false));
  };
  let owner = head;
  let loose = block.start;
  /** Where the next symbol begins. Small symbols right above a symbol belong to that symbol. */
  const flush = (until: number, next: boolean) => {
    const rest = owner ?? looseHead(lines, loose, until, language, fileName, block.crumbs);
    const takenAlong =
      next &&
      rest &&
      !owner &&
      !language.leads.test((lines[rest.line] ?? "").trim()) &&
      isSmall(lines, loose, until);
    if (takenAlong) return loose;
    // The title of a group of tests adds nothing to the titles of its tests.
    const empty = owner && testName.test(at(owner.line)) && isSmall(lines, loose, until);
    if (rest && !empty) found.push(...sections(lines, loose, until, rest));
    owner = null;
    return until;
  };
  let index = head ? head.line + 1 : block.start;
  let comment = false;
  while (index < block.end) {
    const line = at(index);
    const opens = line.startsWith("/*");
    if (comment || opens) {
      comment = !line.includes("*/");
      index++;
      continue;
    }
    const imported = language.imports?.test(line) ?? false;
    if (!imported && !starts(index)) {
      index++;
      continue;
    }
    const lead = imported ? index : leadStart(lines, loose, index, language);
    const end = language.flows
      ? nextLead(lines, index, block.end, starts, language)
      : blockEnd(at, index, block.end);
    const bare = nested ? !testName.test(line) : end === index + 1 && constant.test(line);
    if (!imported && lead === index && bare && isSmall(lines, index, end)) {
      index = end;
      continue;
    }
    const from = flush(lead, !imported);
    if (!imported) {
      found.push(...symbol(lines, { lead: from, index, end }, block, language, fileName));
    }
    loose = end;
    index = end;
  }
  flush(block.end, false);
  return found;
}

function isSmall(lines: readonly string[], start: number, end: number): boolean {
  return lines.slice(start, end).join("\n").trim().length < SMALL_SYMBOL;
}

function symbol(
  lines: readonly string[],
  at: { lead: number; index: number; end: number },
  block: Block,
  language: Language,
  fileName: string,
): Section[] {
  const own = signature(lines.slice(at.index, at.end), block.indent);
  const crumbs = [...block.crumbs, own];
  const head: Head = { title: crumbs.join(" › "), kind: "symbol", line: at.index };
  const size = lines.slice(at.lead, at.end).join("\n").length;
  const line = dedent(lines[at.index] ?? "", block.indent);
  const inner = lines
    .slice(at.index + 1, at.end)
    .find((one) => !isBlank(one) && !closing.test(one.trim()));
  const indent = /^\s*/.exec(inner ?? "")?.[0] ?? "";
  const divides =
    size > LONG_SYMBOL &&
    crumbs.length < MAX_DEPTH &&
    indent.length > block.indent.length &&
    language.containers?.test(line);
  if (!divides) return sections(lines, at.lead, at.end, head);
  const named = [...block.crumbs, containerName(own)];
  const body: Block = { start: at.lead, end: at.end, indent, crumbs: named };
  return outline(lines, body, language, head, fileName);
}

/** The first line of the comments and decorators right above a symbol. */
function leadStart(
  lines: readonly string[],
  floor: number,
  index: number,
  language: Language,
): number {
  let first = index;
  // The comment at the head of an SQL file is about its first statement, even with a blank line between them.
  if (language.flows && floor === 0 && isBlank(lines[index - 1])) {
    if (language.leads.test((lines[index - 2] ?? "").trim())) first--;
  }
  while (first > floor) {
    const line = (lines[first - 1] ?? "").trim();
    if (line.endsWith("*/")) {
      let open = first - 1;
      while (open > floor && !(lines[open] ?? "").includes("/*")) open--;
      if (!(lines[open] ?? "").trim().startsWith("/*")) return first;
      first = open;
    } else if (language.leads.test(line)) {
      first--;
    } else {
      return first;
    }
  }
  return first;
}

function nextLead(
  lines: readonly string[],
  index: number,
  end: number,
  starts: (index: number) => boolean,
  language: Language,
): number {
  let body: string | null = null;
  for (let next = index; next < end; next++) {
    const line = lines[next] ?? "";
    if (next > index && body === null && starts(next) && ended(lines, index, next)) {
      return leadStart(lines, index + 1, next, language);
    }
    for (const [quote] of line.matchAll(/\$\w*\$/g)) {
      if (body === null) body = quote;
      else if (body === quote) body = null;
    }
  }
  return end;
}

/** Whether the statement before a line has ended with a semicolon. */
function ended(lines: readonly string[], start: number, next: number): boolean {
  for (let index = next - 1; index >= start; index--) {
    const line = (lines[index] ?? "").replace(/--.*$/, "").trim();
    if (line !== "") return line.endsWith(";");
  }
  return true;
}

function blockEnd(at: (index: number) => string, index: number, end: number): number {
  let next = index + 1;
  while (next < end) {
    const line = at(next);
    if (!isBlank(line) && !/^\s/.test(line) && !closing.test(line)) break;
    next++;
  }
  while (next > index + 1 && isBlank(at(next - 1))) next--;
  return next;
}

/** The first line of a symbol, and if its parameters continue on further lines, those lines, too. */
function signature(lines: readonly string[], indent: string): string {
  let text = "";
  let open = 0;
  for (const line of lines.slice(0, 12)) {
    text += `${text === "" ? "" : " "}${dedent(line, indent).trim()}`;
    open += (line.match(/\(/g)?.length ?? 0) - (line.match(/\)/g)?.length ?? 0);
    if (complete(text, open)) break;
  }
  if (/^do\s+\$/i.test(text)) {
    const body = text.replace(/^do\s+\$\w*\$/i, "");
    return `do: ${firstWords([body, ...lines.slice(1)])}`;
  }
  const test = testName.exec(text);
  if (test) return `${test[1]} “${test[3]}”`;
  return short(
    text
      .replace(/\(\s+/g, "(")
      .replace(/,?\s+\)/g, ")")
      .replace(/\s+as\s+\$\w*\$.*$/i, "")
      .replace(/\s*(?:=>|=)?[\s{[(:;]*$/, ""),
  );
}

/**
 * Whether a signature is complete. Only the parentheses of its parameters matter, not those of a
 * call.
 */
function complete(text: string, open: number): boolean {
  if (testName.test(text) || /^create\s+(?:\w+\s+)*table\b/i.test(text)) return true;
  if (/=\s*(?:await\s+)?(?!async\b|function\b)[\w.$]+(?:<[^>]*>)?\([{[]?$/.test(text)) return true;
  if (/^create\s+(?:\w+\s+)*(?:index|trigger|policy)\b/i.test(text)) return text.endsWith(";");
  return open <= 0;
}

function firstWords(lines: readonly string[]): string {
  const telling = lines.find((line) =>
    /[\p{L}]{3}/u.test(line.replace(/\b(?:begin|declare)\b/i, "")),
  );
  return short((telling ?? "").replace(/^[\s/*#-]+/, ""), 100);
}

/** The name of a class in the titles of its methods: `Team` for `class Team extends Group`. */
function containerName(title: string): string {
  return (
    /\b(?:class|interface|enum|struct|trait|impl|mod|namespace|record|object)\s+([\w<>:, ]+?)(?=\s+(?:extends|implements|for|where)\b|[({:]|$)/.exec(
      title,
    )?.[1] ?? title
  );
}

function looseHead(
  lines: readonly string[],
  start: number,
  end: number,
  language: Language,
  fileName: string,
  crumbs: readonly string[],
): Head | null {
  for (let index = start; index < end; index++) {
    const line = (lines[index] ?? "").trim();
    const words = language.leads.test(line) ? line.replace(/^[/*#\-!\s]+|\*\/$/g, "") : line;
    if (!/[\p{L}\p{N}]{3}/u.test(words) || /^(?:#!|\/\/ ?#(?:end)?region)/.test(line)) continue;
    if (crumbs.length > 0 && /^end\b/.test(words)) continue;
    const title = crumbs.length > 0 ? crumbs.join(" › ") : fileName;
    return { title: `${title}: ${short(words, 100)}`, kind: "text", line: index };
  }
  return null;
}

function dedent(line: string, indent: string): string {
  return line.startsWith(indent) ? line.slice(indent.length) : line.trimStart();
}
