/** The scripts of both agents, for who has no key: the same tools are called, and the words are those that were found. */
import { standIn } from "../stand-in.ts";
import { type Line, wordsOf } from "./folder.ts";

export const standInLibrarian = standIn(({ question, results: [found] }) => {
  if (!found) return { tool: "search", input: { words: wordsOf(question).join(" ") } };
  const [best] = found as Line[];
  return best ? `${best.path}:${best.line} says: ${best.text}` : "I found nothing about it.";
});

export const standInGuide = standIn(({ question, recalled, results: [found] }) => {
  const known = recalled.find(({ task }) => task === question);
  if (known) return `I remember it: ${known.output}`;
  return found ? String(found) : { tool: "ask_librarian", input: { task: question } };
});
