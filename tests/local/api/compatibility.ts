import { readFile } from "node:fs/promises";
import { join } from "node:path";

const page = join(import.meta.dirname, "../../../local/COMPATIBILITY.md");

/** The rows of the table under this heading of local/COMPATIBILITY.md: the call and the verdict. */
export async function rowsOf(heading: string): Promise<string[][]> {
  const text = await readFile(page, "utf8");
  const [, section = ""] = text.split(`\n## ${heading}\n`);
  const lines = (section.split("\n## ")[0] ?? "")
    .split("\n")
    .filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) => {
    const [, name = "", verdict = ""] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return [name.replaceAll("`", "").replaceAll("\\|", "|"), verdict];
  });
}
