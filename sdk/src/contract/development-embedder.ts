import { STOP_WORDS, stemOf, words } from "./word-stems.ts";

/**
 * A deterministic text embedder for development: feature hashing of word stems, pairs of neighbouring stems
 * and character trigrams. It finds texts that share words and forms of words, but not meaning ("car" and
 * "automobile" are unrelated). It is not a language model: store and compare every vector under
 * {@link DEV_EMBEDDING_MODEL}.
 */

/** The model's name, to store with every vector that {@link embedForDevelopment} makes. */
export const DEV_EMBEDDING_MODEL = "mayfly-dev-hash-384";

/** The length of a vector, the same as gte-small's. */
export const DEV_EMBEDDING_DIMENSIONS = 384;

/** The weight of each feature in the vector. All trigrams of a word together weigh `trigrams`. */
const WEIGHTS = { word: 1, compound: 0.5, pair: 0.5, trigrams: 0.4, stopWord: 0.08 };

/**
 * Embeds a text. The same text gives the same vector everywhere, and texts that share words have a high
 * cosine.
 *
 * @returns a vector of 384 numbers with the length 1. A text without letters and digits gets a special
 * vector, so that a cosine is always defined.
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
    // The order in a pair does not count, so that "rotate the key" and "key rotation" share the pair.
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

/** Scales to length one, in single precision like pgvector. */
function normalised(vector: number[]): number[] {
  const length = Math.hypot(...vector);
  return length === 0
    ? vector.map((_, at) => (at === 0 ? 1 : 0))
    : vector.map((value) => Math.fround(value / length));
}
