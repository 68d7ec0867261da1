/** Finds the top-level statements of an SQL text and their first words. */

export interface Token {
  kind: "word" | "quoted" | "symbol";
  /** Words in lower case, quoted identifiers without their quotes. */
  value: string;
  start: number;
  end: number;
}

export interface Statement {
  start: number;
  end: number;
  /** The first 64 tokens outside parentheses, strings and comments. */
  tokens: Token[];
}

const MAX_TOKENS = 64;
const SPACE = /\s+/y;
const LINE_COMMENT = /--[^\n]*/y;
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const NUMBER = /\d[\w.]*/y;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const PLAIN_STRING = /'(?:[^']|'')*(?:'|$)/y;
const ESCAPE_STRING = /[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)/y;
const QUOTED = /"(?:[^"]|"")*(?:"|$)/y;

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function endOfBlockComment(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text.startsWith("/*", i)) {
      depth++;
      i++;
    } else if (text.startsWith("*/", i)) {
      depth--;
      i++;
      if (depth === 0) return i + 1;
    }
  }
  return text.length;
}

function endOfDollarQuote(text: string, at: number, tag: string): number {
  const end = text.indexOf(tag, at + tag.length);
  return end < 0 ? text.length : end + tag.length;
}

/** Splits on semicolons outside strings, comments, dollar quotes, parentheses and BEGIN ATOMIC. */
export function statements(text: string): Statement[] {
  const found: Statement[] = [];
  let tokens: Token[] = [];
  let from = 0;
  let depth = 0;
  /** How many blocks still need an END: BEGIN ATOMIC, and each CASE in it. */
  let blocks = 0;
  let previous = "";
  const finish = (end: number) => {
    if (tokens.length > 0) found.push({ start: tokens[0]?.start ?? from, end, tokens });
    tokens = [];
    from = end + 1;
    depth = 0;
    blocks = 0;
    previous = "";
  };
  const countBlocks = (word: string) => {
    if (word === "atomic" && previous === "begin") blocks++;
    else if (blocks === 0 || previous === "." || previous === "as") return;
    else if (word === "case") blocks++;
    else if (word === "end") blocks--;
  };
  const add = (kind: Token["kind"], value: string, start: number, end: number) => {
    if (depth === 0 && tokens.length < MAX_TOKENS) tokens.push({ kind, value, start, end });
  };
  for (let at = 0; at < text.length; ) {
    const char = text[at] as string;
    let skipped = matchAt(SPACE, text, at) ?? matchAt(LINE_COMMENT, text, at);
    if (skipped === undefined && char === "/" && text[at + 1] === "*") {
      skipped = text.slice(at, endOfBlockComment(text, at));
    }
    if (skipped === undefined && char === "$") {
      const tag = matchAt(DOLLAR_QUOTE, text, at);
      if (tag) skipped = text.slice(at, endOfDollarQuote(text, at, tag));
    }
    skipped ??= matchAt(ESCAPE_STRING, text, at) ?? matchAt(PLAIN_STRING, text, at);
    skipped ??= matchAt(NUMBER, text, at);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    const word = matchAt(WORD, text, at);
    if (word !== undefined) {
      const lower = word.toLowerCase();
      countBlocks(lower);
      previous = lower;
      add("word", lower, at, at + word.length);
      at += word.length;
      continue;
    }
    const quoted = matchAt(QUOTED, text, at);
    if (quoted !== undefined) {
      previous = quoted;
      add("quoted", quoted.slice(1, -1).replaceAll('""', '"'), at, at + quoted.length);
      at += quoted.length;
      continue;
    }
    previous = char;
    if (char === ";" && depth === 0 && blocks === 0) finish(at);
    else if (char === "(") depth++;
    else if (char === ")") depth = Math.max(0, depth - 1);
    else add("symbol", char, at, at + 1);
    at++;
  }
  finish(text.length);
  return found;
}
