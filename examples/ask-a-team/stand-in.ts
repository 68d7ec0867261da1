/**
 * The scripts of both agents, for readers without a model key. They call the same tools and quote what they
 * find.
 */
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
