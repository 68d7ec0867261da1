/**
 * Finds memories by their words, and ranks them like mayfly_private.find_by_words ranks a small
 * tenant, where every memory is counted.
 */
import { lexemesOf } from "./lexemes.ts";
import type { Memory } from "./memory.ts";
import { isPaired, searched } from "./searched.ts";

export interface WordMatch {
  id: string;
  /** Its score, which decides the order. */
  score: number;
  /** How well it matches, 0 to 1, on the same scale for every question. */
  fit: number;
}

interface Indexed {
  /** The squared rank for each word. */
  ranks: Map<string, number>;
  damping: number;
}

/** Postgres keeps at most this many positions of a word. */
const mostPlaces = 255;
/** The weights with which ts_rank is called: for task and tags, the text, the critique. */
const weights = [1, 0.8, 0.2];
const depth = 50;

/** The ts_rank of a word that occurs this often in each part. */
function rankOf(times: number[]): number {
  let rank = 0;
  let place = 1;
  for (const [part, count] of times.entries())
    for (let n = 0; n < count && place <= mostPlaces; n++, place++)
      rank += (weights[part] ?? 0) / place ** 2;
  return rank / 1.64493406685;
}

const partsOf = ({ task, tags, input, output, critique }: Memory) => [
  `${task} ${tags.join(" ")}`,
  output === "" ? input : input === "" ? output : `${input}\n${output}`,
  critique,
];

export class WordIndex {
  readonly #memories = new Map<string, Indexed>();
  readonly #holders = new Map<string, Set<string>>();

  add(memory: Memory): void {
    this.remove(memory.id);
    const times = new Map<string, number[]>();
    for (const [part, text] of partsOf(memory).entries())
      for (const lexeme of lexemesOf(text)) {
        if (lexeme === null) continue;
        const counts = times.get(lexeme) ?? [0, 0, 0];
        counts[part] = (counts[part] ?? 0) + 1;
        times.set(lexeme, counts);
      }
    const ranks = new Map<string, number>();
    for (const [lexeme, counts] of times) {
      ranks.set(lexeme, rankOf(counts) ** 2);
      const holders = this.#holders.get(lexeme) ?? new Set();
      holders.add(memory.id);
      this.#holders.set(lexeme, holders);
    }
    this.#memories.set(memory.id, { ranks, damping: Math.log(times.size + 24) });
  }

  remove(id: string): void {
    for (const lexeme of this.#memories.get(id)?.ranks.keys() ?? []) {
      const holders = this.#holders.get(lexeme);
      holders?.delete(id);
      if (holders?.size === 0) this.#holders.delete(lexeme);
    }
    this.#memories.delete(id);
  }

  /**
   * @param known how many memories there are in all.
   * @param candidates memories that may be found.
   */
  search(question: string, known: number, candidates: ReadonlyMap<string, Memory>): WordMatch[] {
    const sums = new Map<string, number>();
    let ofAll = 0;
    const gain = (found: Map<string, number>) => {
      const rarity = Math.log(1 + (Math.max(known - found.size, 0) + 0.5) / (found.size + 0.5));
      ofAll += rarity;
      for (const [id, rank] of found) sums.set(id, (sums.get(id) ?? 0) + rarity * rank);
    };
    for (const term of termsOf(question)) gain(this.#found(term, candidates));
    const phrases = phrasesOf(question);
    if (phrases.length > 0)
      gain(
        new Map(
          [...sums.keys()]
            .filter((id) => phrases.every((phrase) => hasPhrase(candidates.get(id), phrase)))
            .map((id) => [id, 0.36957]),
        ),
      );
    return [...sums]
      .map(([id, sum]) => ({
        id,
        score: sum / (this.#memories.get(id)?.damping ?? 1),
        fit: Math.min(1, sum / (0.36957 * ofAll)),
      }))
      .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
      .slice(0, depth);
  }

  /** The squared ranks of a word, by the memories that have it. */
  #found({ word, isPrefix }: Term, candidates: ReadonlyMap<string, Memory>): Map<string, number> {
    const words = isPrefix
      ? [...this.#holders.keys()].filter((lexeme) => lexeme.startsWith(word))
      : [word];
    const ranks = new Map<string, number>();
    for (const lexeme of words)
      for (const id of this.#holders.get(lexeme) ?? [])
        if (candidates.has(id)) {
          const rank = Math.sqrt(this.#memories.get(id)?.ranks.get(lexeme) ?? 0);
          ranks.set(id, (ranks.get(id) ?? 0) + rank);
        }
    return new Map([...ranks].map(([id, rank]) => [id, rank ** 2]));
  }

  /** The share of all words of two texts that occurs in both. */
  likeness(one: string, other: string): number {
    const [a, b] = [this.#memories.get(one)?.ranks, this.#memories.get(other)?.ranks];
    if (!a || !b) return 0;
    let both = 0;
    for (const word of a.keys()) if (b.has(word)) both++;
    return both / (a.size + b.size - both || 1);
  }
}

interface Term {
  word: string;
  isPrefix: boolean;
}

const isWide = (word: string) => /[^\u0020-\u007f]/.test(word);
const lengthOf = (word: string) => [...word].length;

/** The words to search for, the same as in mayfly_private.words_of_question. */
function termsOf(question: string): Term[] {
  const words = [...new Set(lexemesOf(question))].filter((word) => word !== null);
  const isLone = (word: string) => isWide(word) && lengthOf(word) === 1;
  return words
    .filter((word) => !(isLone(word) && words.length > 1))
    .sort((a, b) => lengthOf(b) - lengthOf(a) || (a < b ? -1 : 1))
    .slice(0, 12)
    .map((word) => ({
      word,
      isPrefix:
        /^(?=.*[0-9])(?=.*[a-f])[0-9a-f]{4,}$|^[0-9]{6,}$|^x[0-9]+e[0-9a-f]+$/.test(word) ||
        isLone(word),
    }));
}

/** The words in quotes, if there is more than one. */
function phrasesOf(question: string): string[][] {
  return [...question.matchAll(/["“„«]([^"“-‟«»]+)["”»]/gu)]
    .slice(0, 3)
    .map(([, quoted = ""]) => [...plainWords(quoted)])
    .filter((words) => words.filter((word) => word !== "").length > 1);
}

/** Words in sequence. An empty string stands for a stop word. */
function* plainWords(text: string): Generator<string> {
  // searched() appends words to a text, which would break the order of its words. So it is used only for
  // scripts that need it.
  const plain = isPaired(text)
    ? searched(text)
    : text.normalize("NFKC").replace(/[<>./\\:@]/g, " ");
  for (const lexeme of lexemesOf(plain)) yield lexeme ?? "";
}

function hasPhrase(memory: Memory | undefined, phrase: string[]): boolean {
  if (!memory) return false;
  return partsOf(memory).some((text) => {
    const words = [...plainWords(text)];
    if (phrase.some(isWide) && phrase.every((word) => words.includes(word))) return true;
    return words.some((_, from) => phrase.every((word, n) => words[from + n] === word));
  });
}
