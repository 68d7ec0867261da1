/** The tables of Realtime and Functions in local/COMPATIBILITY.md. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export type Verdict = "works" | "says no" | "differs";

/** The calls of the table under this heading, with their verdicts. */
export async function verdictsOf(heading: string): Promise<Record<string, string>> {
  const path = join(import.meta.dirname, "../../local/COMPATIBILITY.md");
  const [, section = ""] = (await readFile(path, "utf8")).split(`## ${heading}\n`);
  const rows = section
    .split("\n## ")[0]
    ?.split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2);
  return Object.fromEntries(
    (rows ?? []).map((row) => {
      const [, call = "", verdict = ""] = row.split("|").map((cell) => cell.trim());
      return [call, verdict];
    }),
  );
}
