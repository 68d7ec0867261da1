/**
 * A deterministic text embedder for development: feature hashing of word stems, pairs of
 * neighbouring stems and character trigrams. It finds texts that share words and forms of words,
 * never meaning alone ("car" and "automobile" stay strangers), and it is no language model:
 * every vector it makes is to be stored and answered under {@link DEV_EMBEDDING_MODEL}.
 */

/** The model's name, to stand beside every vector that {@link embedForDevelopment} makes. */
export const DEV_EMBEDDING_MODEL = "mayfly-dev-hash-384";

/** The length of a vector, that of gte-small. */
export const DEV_EMBEDDING_DIMENSIONS = 384;

/** The share of a feature in the vector. One word's trigrams together weigh as `trigrams`. */
const WEIGHTS = { word: 1, compound: 0.5, pair: 0.5, trigrams: 0.4, stopWord: 0.08 };

const STOP_WORDS = new Set(
  `a about after all also am an and any are as at be because been before being between both but by
  can could did do does for from had has have he her here him his how i if in into is it its just
  like me more most my no nor not of off on once only or other our out over own s same she should
  so some such t than that the their them then there these they this those through to too under
  until up us very was we were what when where which while who why will with would you your`.split(
    /\s+/,
  ),
);

/**
 * Embeds a text: the same text gives the same vector everywhere. Texts that share words score high
 * by cosine.
 *
 * @returns 384 numbers of length one. A text without a letter or digit gets the vector of "no
 * words", so that a cosine is always defined.
 * @example
 * const vector = embedForDevelopment("rotate the signing key");
 */
export function embedForDevelopment(text: string): number[] {
  const counts = new Map<string, { count: number; weight: number }>();
  const count = (feature: string, weight: number) => {
    const seen = counts.get(feature);
    if (seen) seen.count += 1;
    else counts.set(feature, { count: 1, weight });
  };

  let previous: string | undefined;
  for (const { word, compound } of words(text)) {
    if (compound) {
      count(`c:${word}`, WEIGHTS.compound);
      continue;
    }
    if (STOP_WORDS.has(word)) {
      count(`w:${word}`, WEIGHTS.stopWord);
      continue;
    }
    const stem = stemOf(word);
    count(`w:${stem}`, WEIGHTS.word);
    const trigrams = trigramsOf(stem);
    for (const trigram of trigrams) {
      count(`t:${trigram}`, WEIGHTS.trigrams / Math.sqrt(trigrams.length));
    }
    // Unordered, so that "rotate the key" and "key rotation" share the pair.
    if (previous !== undefined) {
      count(`p:${previous < stem ? `${previous} ${stem}` : `${stem} ${previous}`}`, WEIGHTS.pair);
    }
    previous = stem;
  }
  if (counts.size === 0) count("no words", 1);

  const vector = new Array<number>(DEV_EMBEDDING_DIMENSIONS).fill(0);
  for (const [feature, { count: times, weight }] of counts) {
    const hash = hashOf(feature);
    const index = (hash >>> 1) % DEV_EMBEDDING_DIMENSIONS;
    const signed = (hash & 1 ? -weight : weight) * Math.log1p(times);
    vector[index] = (vector[index] ?? 0) + signed;
  }
  return normalised(vector);
}

/** The words of a text in lower case; of an identifier both its parts and, as compound, the whole. */
function* words(text: string): Generator<{ word: string; compound: boolean }> {
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

/** What rotates, rotated, rotating and rotation have in common. English, light, and consistent. */
function stemOf(word: string): string {
  // Longer runs are data, not words, and would cost the expressions below quadratic time.
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

function trigramsOf(word: string): string[] {
  const padded = `^${word}$`;
  const trigrams: string[] = [];
  for (let at = 0; at + 3 <= padded.length; at += 1) trigrams.push(padded.slice(at, at + 3));
  return trigrams;
}

/** FNV-1a over UTF-16 units, then murmur's finaliser: FNV alone leaves the low bits uneven. */
function hashOf(feature: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < feature.length; at += 1) {
    hash = Math.imul(hash ^ feature.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** To length one, in single precision as pgvector keeps it. */
function normalised(vector: number[]): number[] {
  const length = Math.hypot(...vector);
  return length === 0
    ? vector.map((_, at) => (at === 0 ? 1 : 0))
    : vector.map((value) => Math.fround(value / length));
}
