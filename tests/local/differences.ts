/** Reads the tables of differences from a hosted project, and how to see each of them. */

/** What shows a difference: SQL as `postgres`, an expression of JavaScript, or a test by its title. */
export type Probe =
  | { kind: "psql" | "js"; code: string; expected: string }
  | { kind: "test"; title: string; file: string };

export interface Difference {
  what: string;
  /** The content of "how to see it". Nothing if it has nothing that can be run. */
  probes: Probe[];
}

const heading = "how to see it";
const probe = /(psql|js) `([^`]+)` → `([^`]+)`|test \[([^\]]+)\]\(([^)]+)\)/g;

/** The cells of a row; `\|` in a cell is a `|`. */
const cellsOf = (line: string): string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));

function probesOf(cell: string): Probe[] {
  return [...cell.matchAll(probe)].map(([, kind, code, expected, title, file]) =>
    kind === undefined
      ? { kind: "test", title: title ?? "", file: file ?? "" }
      : { kind: kind as "psql" | "js", code: code ?? "", expected: expected ?? "" },
  );
}

/** The rows of every table of `markdown` whose last column is headed "how to see it". */
export function differencesOf(markdown: string): Difference[] {
  const found: Difference[] = [];
  let inTable = false;
  for (const line of markdown.split("\n")) {
    if (!line.startsWith("|")) inTable = false;
    else if (cellsOf(line).at(-1) === heading) inTable = true;
    else if (inTable && !/^\|[\s:|-]+$/.test(line)) {
      const cells = cellsOf(line);
      found.push({ what: cells[0] ?? "", probes: probesOf(cells.at(-1) ?? "") });
    }
  }
  return found;
}
