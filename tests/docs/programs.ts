/** The code blocks of a document as the program that a reader would type. */

/** What the documents assume that a program already has, as the page getting-started makes it. */
const given = `
import { Mayfly } from "@mayfly/sdk";
const url = process.env.MAYFLY_URL!;
const key = process.env.MAYFLY_KEY!;
const publishableKey = process.env.MAYFLY_PUBLISHABLE_KEY!;
const tenant = process.env.MAYFLY_TENANT!;
const databaseUrl = process.env.MAYFLY_DATABASE_URL!;
const mayfly = new Mayfly({ url, key, tenant });
`;

/** A reader would not expect an error that the document does not name. */
const watchful = `
const ownText = (await import("node:fs")).readFileSync(import.meta.filename, "utf8");
const unwatched = globalThis.fetch;
globalThis.fetch = async (...request) => {
  const answer = await unwatched(...request);
  if (answer.status < 400) return answer;
  const { code, error, message } = await answer.clone().json().catch(() => ({}));
  const named = error?.code ?? code ?? String(answer.status);
  if (!ownText.includes(named)) console.error(answer.url, "answered", named, error?.message ?? message);
  return answer;
};
`;

/** Blocks in order, grouped by language. */
export function blocksOf(markdown: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...markdown.matchAll(fence)].map((match) => match[1] ?? "");
}

/** One program from all TypeScript of a document, with its imports first. Its output is in the log. */
export function programOf(markdown: string): string | undefined {
  const blocks = blocksOf(markdown, "ts");
  if (blocks.length === 0) return undefined;
  const code = blocks.join("\n");
  const imports = new Set(code.match(/^import [\s\S]*?;$/gm));
  const body = code.replace(/^import [\s\S]*?;$/gm, "");
  // `Mayfly` is already imported in `given`.
  const own = [...imports].map((line) => line.replace(/\bMayfly\b,? ?(?=.*"@mayfly\/sdk")/, ""));
  return `${own.join("\n")}\n${given}\n${watchful}\n${body}\nawait mayfly.close();\nprocess.exit(0);\n`;
}

/** What a document says that its code prints, after `console.log(…); //`. An ellipsis stands for anything. */
export function claimsOf(markdown: string): RegExp[] {
  const code = blocksOf(markdown, "ts").join("\n");
  return [...code.matchAll(/console\.log\(.*\);? \/\/ (.+)$/gm)].map(([, claim = ""]) => {
    const parts = claim
      .split("…")
      .map((part) => plain(part).replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(parts.join(".*"));
  });
}

/** Removes the quotes, spaces and line breaks with which Node shows objects. */
export const plain = (text: string): string => text.replace(/["'\s]/g, "");
