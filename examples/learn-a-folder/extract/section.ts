/** A part of a file that is worth its own memory. */
export interface Section {
  /** The heading together with the headings above it, or the signature. */
  title: string;
  kind: "heading" | "symbol" | "text";
  /** The line of the heading or signature, counted from 1. */
  line: number;
  /** The line where `text` begins. It differs from `line` because a symbol's doc comment is above its signature. */
  from: number;
  text: string;
}

const MAX_CHARACTERS = 4000;
const MAX_TITLE = 160;

/**
 * Makes sections from the lines `start` to `end` (from 0, without `end`): none if they are blank, several if they
 * are too long for one memory.
 */
export function sections(
  lines: readonly string[],
  start: number,
  end: number,
  of: { title: string; kind: Section["kind"]; line?: number },
): Section[] {
  const pieces = cut(lines, start, end);
  return pieces.map((piece, index) => ({
    title: short(of.title) + (pieces.length > 1 ? ` (${index + 1}/${pieces.length})` : ""),
    kind: of.kind,
    line: index === 0 && of.line !== undefined ? of.line + 1 : piece.from,
    from: piece.from,
    text: piece.text,
  }));
}

/** One line of at most `max` characters. */
export function short(text: string, max = MAX_TITLE): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= max ? line : `${safeSlice(line, max - 1).trimEnd()}…`;
}

/** Splits a file into lines, with any line endings. NUL is dropped because Postgres cannot store it. */
export function toLines(text: string): string[] {
  return text
    .replace(/^\uFEFF/, "")
    .replaceAll("\0", "")
    .split(/\r\n|\n|\r/);
}

export function isBlank(line: string | undefined): boolean {
  return line === undefined || line.trim() === "";
}

interface Piece {
  from: number;
  text: string;
}

function cut(lines: readonly string[], start: number, end: number): Piece[] {
  const atoms: Piece[] = [];
  for (let index = start; index < end; index++) {
    for (const text of cutLine(lines[index] ?? "")) atoms.push({ from: index + 1, text });
  }
  const pieces: Piece[] = [];
  let open: Piece[] = [];
  let size = 0;
  const close = (count: number) => {
    const piece = join(open.slice(0, count));
    if (piece) pieces.push(piece);
    open = open.slice(count);
    size = open.reduce((sum, atom) => sum + atom.text.length + 1, 0);
  };
  for (const atom of atoms) {
    if (size + atom.text.length > MAX_CHARACTERS) {
      close(paragraphEnd(open));
      // The text after the last paragraph may still be too long.
      if (size + atom.text.length > MAX_CHARACTERS) close(open.length);
    }
    open.push(atom);
    size += atom.text.length + 1;
  }
  close(open.length);
  return pieces;
}

/**
 * Where to cut: at the end of the last paragraph that ends in the second half. A cut between
 * paragraphs seldom breaks a thought.
 */
function paragraphEnd(atoms: readonly Piece[]): number {
  for (let index = atoms.length - 1; index > atoms.length / 2; index--) {
    if (isBlank(atoms[index]?.text)) return index;
  }
  return atoms.length;
}

function join(atoms: readonly Piece[]): Piece | null {
  const first = atoms.findIndex((atom) => !isBlank(atom.text));
  if (first === -1) return null;
  const last = atoms.findLastIndex((atom) => !isBlank(atom.text));
  const kept = atoms.slice(first, last + 1);
  return { from: atoms[first]?.from ?? 1, text: kept.map((atom) => atom.text).join("\n") };
}

function cutLine(line: string): string[] {
  const parts: string[] = [];
  let rest = line;
  while (rest.length > MAX_CHARACTERS) {
    const space = rest.lastIndexOf(" ", MAX_CHARACTERS);
    const part = safeSlice(rest, space > MAX_CHARACTERS / 2 ? space : MAX_CHARACTERS);
    parts.push(part);
    rest = rest.slice(part.length);
  }
  return [...parts, rest];
}

/** Cuts a text, but never between the halves of a surrogate pair. */
function safeSlice(text: string, end: number): string {
  const code = text.charCodeAt(end - 1);
  return text.slice(0, code >= 0xd800 && code <= 0xdbff ? end - 1 : end);
}
