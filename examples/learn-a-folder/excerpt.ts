import { shareOf, stemsOf, wordsWith } from "./words.ts";

export interface ExcerptLine {
  /** The line in the file, from 1. */
  line: number;
  text: string;
}

const LINES = 3;
/** Comments are written to be read, so more lines of them are shown. */
const COMMENT_LINES = 6;
const SHORT_LINE = 160;
const LONE_LINE = 300;
/** Lines without content: fences, rules, brackets, the borders of comments. */
const silent = /^[^\p{L}\p{N}]*$/u;

/**
 * The few lines of a section that say the most about a question, or its beginning if none do. A heading or
 * signature that is shown as the title is not repeated.
 */
export function excerpt(
  section: { text: string; from: number; line: number },
  question: string,
): ExcerptLine[] {
  const stems = stemsOf(question);
  const lines = section.text
    .split("\n")
    .map((text, index) => ({ line: section.from + index, text: text.trimEnd() }));
  const telling = lines.filter(
    ({ line, text }) => line !== section.line && !silent.test(text) && !/^\s*```/.test(text),
  );
  if (telling.length === 0) return lines.slice(0, 1);
  const code = bestWindow(telling, stems, LINES);
  // A comment is chosen even over code that matches the question twice as well, because a comment
  // explains in words.
  const comment = bestWindow(
    telling.filter(({ line }) => line < section.line),
    stems,
    COMMENT_LINES,
  );
  const chosen = comment.score > 0 && comment.score >= code.score / 2 ? comment.lines : code.lines;
  const long = chosen.findIndex(({ text }) => text.length > SHORT_LINE);
  const kept = long === -1 ? chosen : longest(chosen, stems);
  return shiftLeft(kept).map(({ line, text }) => ({
    line,
    text: clip(text, stems, kept.length === 1 ? LONE_LINE : SHORT_LINE),
  }));
}

/**
 * The neighbouring lines that together have the most stems. If several places have equally many stems, the
 * earliest of them.
 */
function bestWindow(lines: readonly ExcerptLine[], stems: readonly string[], size: number) {
  let best = { score: 0, lines: lines.slice(0, size) };
  for (let start = 0; start < lines.length; start++) {
    const window = lines.slice(start, start + size);
    // A small bonus for a relevant first line, so that the excerpt begins with one.
    const first = coverage(window[0]?.text ?? "", stems) / 100;
    const score = coverage(window.map(({ text }) => text).join(" "), stems) + first;
    if (score > best.score) best = { score, lines: window };
  }
  return best;
}

/** Keeps only the most relevant line, because a long line is probably a whole paragraph of prose. */
function longest(lines: readonly ExcerptLine[], stems: readonly string[]): ExcerptLine[] {
  return [lines.reduce((a, b) => (coverage(b.text, stems) > coverage(a.text, stems) ? b : a))];
}

const coverage = (text: string, stems: readonly string[]) => shareOf(text, stems) * stems.length;

/** The part of a long line with the most stems. */
function clip(text: string, stems: readonly string[], max: number): string {
  if (text.length <= max) return text;
  const pattern = wordsWith(stems);
  const places = pattern ? [...text.matchAll(pattern)].map((match) => match.index) : [];
  const starts = places.map((place) => Math.max(0, place - 40));
  const start = starts.reduce(
    (a, b) =>
      coverage(text.slice(b, b + max), stems) > coverage(text.slice(a, a + max), stems) ? b : a,
    starts[0] ?? 0,
  );
  const from = start === 0 ? 0 : text.indexOf(" ", start) + 1;
  const cut = text.slice(from, from + max);
  const more = from + max < text.length;
  const end = more ? cut.lastIndexOf(" ") : cut.length;
  return `${from > 0 ? "…" : ""}${cut.slice(0, end > 0 ? end : cut.length)}${more ? "…" : ""}`;
}

function shiftLeft(lines: readonly ExcerptLine[]): ExcerptLine[] {
  const indents = lines.map(({ text }) => text.length - text.trimStart().length);
  const least = Math.min(...indents);
  return lines.map(({ line, text }) => ({ line, text: text.slice(least) }));
}
