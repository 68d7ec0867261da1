/** The examples of the SDK's docstrings as programs, for the compiler to check. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const sources = join(import.meta.dirname, "../../sdk/src");

export interface Example {
  /** The file and line of the example. */
  at: string;
  code: string;
}

export async function readExamples(): Promise<Example[]> {
  const files = (await readdir(sources, { recursive: true })).filter((file) =>
    file.endsWith(".ts"),
  );
  const found = await Promise.all(
    files.map(async (file) => examplesOf(file, await readFile(join(sources, file), "utf8"))),
  );
  return found.flat();
}

function examplesOf(file: string, text: string): Example[] {
  return [...text.matchAll(/^ *\* @example\n((?: *\*(?! @|\/).*\n)+)/gm)].map((match) => ({
    at: `${file}:${text.slice(0, match.index).split("\n").length}`,
    code: (match[1] ?? "").replace(/^ *\* ?/gm, ""),
  }));
}

/** Each example in its own function, after its imports. */
export function programOfExample({ at, code }: Example): string {
  const imports = code.match(/^import .*$/gm) ?? [];
  const body = code.replace(/^import .*$/gm, "");
  return `// ${at}\n${imports.join("\n")}\nexport async function example() {\n${body}\n}\n`;
}
