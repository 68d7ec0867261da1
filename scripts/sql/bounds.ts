/**
 * Writes the contract's bounds into SQL and docs. A comment in a line says which of the line's numbers are bounds,
 * and which bound each is:
 *
 *     check (char_length(task) <= 2000), -- bounds: 2000 memory.task
 *     | `task` | 2,000 characters <!-- bounds: 2,000 memory.task --> |
 */
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { maxResultBytes } from "../../sdk/src/contract/artifact-bounds.ts";
import { agentBounds, memoryBounds, tenantBounds } from "../../sdk/src/contract/bounds.ts";
import { threadBounds } from "../../sdk/src/contract/thread-bounds.ts";
import {
  attributeBounds,
  kindBounds,
  workBounds,
  workflowBounds,
} from "../../sdk/src/contract/work-bounds.ts";

interface Bounds {
  readonly [name: string]: number | Bounds;
}

/** `work.lease.most` and its number, for every bound in an object of bounds. */
const flat = (of: Bounds, path = ""): [string, number][] =>
  Object.entries(of).flatMap(([name, bound]) =>
    typeof bound === "number" ? [[path + name, bound]] : flat(bound, `${path}${name}.`),
  );

const bounds = new Map(
  flat({
    agent: agentBounds,
    memory: memoryBounds,
    tenant: tenantBounds,
    job: { resultBytes: maxResultBytes },
    thread: threadBounds,
    attribute: attributeBounds,
    work: workBounds,
    workflow: workflowBounds,
    kind: kindBounds,
  }),
);

const named = { sql: /-- bounds: (.+)$/, md: /<!-- bounds: (.+?) -->/ };
/** A number and its bound: `2000 memory.task`, or for a computed number `33 memory.metadataLevels + 1`. */
const pair = /^([\d,]+) ([\w.]+)(?: ([-+/]) (\d+))?$/;

const derived = (bound: number, operator: string | undefined, by: number) =>
  operator === "+" ? bound + by : operator === "-" ? bound - by : operator ? bound / by : bound;

/** Writes into a line the current numbers of the bounds that it names. */
export function withBounds(
  line: string,
  of: keyof typeof named,
  known: ReadonlyMap<string, number> = bounds,
): string {
  const found = named[of].exec(line);
  if (!found) return line;
  const values = new Map<string, string>();
  for (const text of (found[1] ?? "").split("; ")) {
    const [, written = "", name = "", operator, by] = pair.exec(text) ?? [];
    const bound = known.get(name);
    if (bound === undefined) throw new Error(`"${text}" names no bound of sdk/src/contract.`);
    const number = derived(bound, operator, Number(by));
    values.set(written, written.includes(",") ? number.toLocaleString("en") : String(number));
    if (line.split(numbersOf[of]).filter((part) => part === written).length < 2)
      throw new Error(`A line says that ${written} is ${name}, but has no ${written}: ${line}`);
  }
  return line.replace(numbersOf[of], (number) => values.get(number) ?? number);
}
/** In Markdown, a comma may be part of a number. In SQL it never is, as in `{0,999}`. */
const numbersOf = { sql: /(\d+)/g, md: /(\d{1,3}(?:,\d{3})+|\d+)/g };

/** The SQL files and docs whose bounds differ from the contract, each with the right text. */
export async function boundFiles(root: string): Promise<Map<string, string>> {
  const wanted = new Map<string, string>();
  for (const folder of ["sql", "docs"]) {
    const found = await readdir(join(root, folder), { recursive: true }).catch(() => []);
    for (const name of found) {
      const file = `${folder}/${name.replaceAll("\\", "/")}`;
      const of = /\.(sql|md)$/.exec(file)?.[1] as keyof typeof named | undefined;
      if (!of || file === "sql/schema.sql") continue;
      const text = readFileSync(join(root, file), "utf8");
      if (!text.includes("bounds: ")) continue;
      const made = text
        .split("\n")
        .map((line) => withBounds(line, of))
        .join("\n");
      if (made !== text) wanted.set(file, made);
    }
  }
  return wanted;
}
