/** The words of a text, as the development embedder sees them. */

/** English words that say nothing about the topic of a text. */
export const STOP_WORDS = new Set(
  `a about after all also am an and any are as at be because been before being between both but by
  can could did do does for from had has have he her here him his how i if in into is it its just
  like me more most my no nor not of off on once only or other our out over own s same she should
  so some such t than that the their them then there these they this those through to too under
  until up us very was we were what when where which while who why will with would you your`.split(
    /\s+/,
  ),
);

/**
 * The words of a text in lower case. An identifier gives its parts, and also itself as a whole, marked
 * as compound.
 */
export function* words(text: string): Generator<{ word: string; compound: boolean }> {
  for (const [run] of text.normalize("NFKC").matchAll(/[\p{L}\p{N}_]+/gu)) {
    const parts = run
      .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1 $2")
      .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
      .split(/[\s_]+/)
      .filter((part) => part !== "");
    for (const part of parts) yield { word: part.toLowerCase(), compound: false };
    if (parts.length > 1) yield { word: parts.join("").toLowerCase(), compound: true };
  }
}

/**
 * Returns the same stem for all forms of an English word, such as rotates, rotated, rotating and
 * rotation. The stemmer is simple.
 */
export function stemOf(word: string): string {
  // Longer runs of letters are data, not words. The expressions below would take quadratic time for
  // them.
  if (!/^[a-z]{4,40}$/.test(word)) return word;
  let stem = word;
  if (/ies$/.test(stem) && stem.length > 4) stem = `${stem.slice(0, -3)}y`;
  else if (/(ss|sh|ch|x|z)es$/.test(stem)) stem = stem.slice(0, -2);
  else if (/[^sui]s$/.test(stem)) stem = stem.slice(0, -1);

  const verb = /^(.*[aeiouy].*?)(ing|ed)$/.exec(stem)?.[1];
  if (verb !== undefined && verb.length >= 3) {
    stem = /([^aeiouylsz])\1$/.test(verb) ? verb.slice(0, -1) : verb;
  }
  for (const [suffix, instead] of SUFFIXES) {
    if (stem.endsWith(suffix) && stem.length - suffix.length >= 4) {
      stem = stem.slice(0, -suffix.length) + instead;
      break;
    }
  }
  return stem.length > 3 ? stem.replace(/e$/, "").replace(/y$/, "i") : stem;
}

const SUFFIXES: [string, string][] = [
  ["ization", "iz"],
  ["ation", "at"],
  ["ition", "it"],
  ["ution", "ut"],
  ["ment", ""],
  ["ness", ""],
  ["able", ""],
  ["ible", ""],
  ["ally", ""],
  ["ion", ""],
  ["ity", ""],
  ["ful", ""],
  ["ly", ""],
  ["er", ""],
  ["or", ""],
  ["al", ""],
];
