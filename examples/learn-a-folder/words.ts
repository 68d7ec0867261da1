const small = new Set(
  `about after all also and any are because been before being between but can could did do does for
  from had has have her here him his how into its just like more most not off only other our out
  over own same she should some such than that the their them then there these they this those
  through too under until very was were what when where which while who why will with would you
  your`.split(/\s+/),
);

/** The stems of a question's significant words. A stem also matches the other forms of its word. */
export function stemsOf(question: string): string[] {
  const words =
    question.toLowerCase().match(/[\p{L}\p{N}_]{3,}|(?<![\p{L}\p{N}_])\p{N}+(?![\p{L}\p{N}_])/gu) ??
    [];
  return [...new Set(words.filter((word) => !small.has(word)).map(stem))];
}

function stem(word: string): string {
  if (word.length > 5) return word.slice(0, Math.max(4, word.length - 3));
  return word.length > 3 ? word.replace(/[sd]$/, "") : word;
}

/** How much of a question's subject a text mentions, from 0 to 1. */
export function shareOf(text: string, stems: readonly string[]): number {
  const pattern = wordsWith(stems);
  if (!pattern) return 0;
  const words = text.toLowerCase().match(pattern) ?? [];
  return stems.filter((one) => words.some((word) => word.startsWith(one))).length / stems.length;
}

/** A pattern for each whole word that begins with one of the stems. */
export function wordsWith(stems: readonly string[]): RegExp | null {
  if (stems.length === 0) return null;
  // A stem that is a number must match a whole number, not only its beginning.
  const parts = stems.map((one) => (/^\p{N}+$/u.test(one) ? `${one}(?![\\p{L}\\p{N}])` : one));
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${parts.join("|")})[\\p{L}\\p{N}]*`, "giu");
}
