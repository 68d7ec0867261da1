/** The code blocks of a document as the program that its reader would have typed. */

/** What the documents take as given, as their getting-started page has it. */
const given = `
import { Mayfly } from "@mayfly/sdk";
const url = process.env.MAYFLY_URL!;
const key = process.env.MAYFLY_KEY!;
const publishableKey = process.env.MAYFLY_PUBLISHABLE_KEY!;
const tenant = process.env.MAYFLY_TENANT!;
const mayfly = new Mayfly({ url, key, tenant });
`;

/** Blocks in order, each kind by its language. */
export function blocksOf(markdown: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...markdown.matchAll(fence)].map((match) => match[1] ?? "");
}

/** One program of all TypeScript of a document, its imports first; what it says is in the log. */
export function programOf(markdown: string): string | undefined {
  const blocks = blocksOf(markdown, "ts");
  if (blocks.length === 0) return undefined;
  const code = blocks.join("\n");
  const imports = new Set(code.match(/^import [\s\S]*?;$/gm));
  const body = code.replace(/^import [\s\S]*?;$/gm, "");
  const own = [...imports].filter((line) => !line.includes("{ Mayfly } "));
  return `${own.join("\n")}\n${given}\n${body}\nawait mayfly.close();\nprocess.exit(0);\n`;
}
