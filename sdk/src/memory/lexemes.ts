/** The words of a text, as Postgres' parser finds them with its English configuration. */
import { stem } from "porter2";
import { searched } from "./searched.ts";

/** The stop words in Postgres' english.stop. */
const stopWords = new Set(
  `i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers
  herself it its itself they them their theirs themselves what which who whom this that these those am is
  are was were be been being have has had having do does did doing a an the and but if or because as until
  while of at by for with about against between into through during before after above below to from up
  down in out on off over under again further then once here there when where why how all any both each few
  more most other some such no nor not only own same so than too very s t can will just don should now`.split(
    /\s+/,
  ),
);

/**
 * Matches addresses and paths, numbers, words with hyphens, and words, in the order in which the parser
 * prefers them. Everything else only separates words.
 */
const token = new RegExp(
  [
    // An address: a host, and a path if there is one.
    "(?<url>[\\p{L}\\p{N}-]+(?:\\.[\\p{L}\\p{N}-]+)*\\.[a-z]{2,}(?:/[\\w\\-./?=&%#+~]*))",
    "(?<whole>[\\w.+-]+@[\\w-]+(?:\\.[\\w-]+)+|/?[\\p{L}\\p{N}]+(?:[./][\\p{L}\\p{N}_-]+)*(?:[./][\\p{L}\\p{N}_]+))",
    "(?<number>[+-]?\\d+(?:\\.\\d+)?e[+-]?\\d+|[+-]?\\d+(?![\\p{L}\\p{M}\\d]))",
    "(?<hyphens>(?=[\\p{N}]*\\p{L})[\\p{L}\\p{M}\\p{N}]+(?:-(?=\\p{N}*\\p{L})[\\p{L}\\p{M}\\p{N}]+)+)",
    "(?<word>[\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N}]*)",
  ].join("|"),
  "giu",
);

/** Accented letters that cannot be split into a letter and a mark, with their replacements. */
const special: Record<string, string> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  đ: "d",
  ð: "d",
  ł: "l",
  ı: "i",
  þ: "th",
  ħ: "h",
  ё: "е",
};
const unaccented = (word: string) =>
  word
    .normalize("NFD")
    .replace(/([\p{Script=Latin}\p{Script=Greek}])\p{M}+/gu, "$1")
    .normalize("NFC")
    .replace(/[ßæœøđðłıþħё]/gu, (letter) => special[letter] ?? letter);

/** A longer run of characters is data, not a word. The parser also leaves out words of 2 KB or more. */
const longest = 2_000;

function lexemeOf(word: string): string | null {
  const lower = word.toLowerCase();
  // A word with a digit is kept unchanged.
  if (/\p{N}/u.test(lower)) return lower;
  const plain = /^[a-z-]*$/.test(lower) ? lower : unaccented(lower);
  if (stopWords.has(plain)) return null;
  return /^[a-z-]+$/.test(plain) ? stem(plain) : plain;
}

/** The words in the order of the text. Null stands for a stop word such as "the". */
export function* lexemesOf(text: string): Generator<string | null> {
  for (const { groups } of searched(text).matchAll(token)) {
    const { url, whole, number, hyphens, word } = groups ?? {};
    if ((url ?? whole ?? word ?? "").length > longest) continue;
    if (url !== undefined) {
      const lower = url.toLowerCase();
      const path = lower.indexOf("/");
      yield lower;
      yield lower.slice(0, path);
      if (path < lower.length - 1) yield lower.slice(path);
    } else if (whole !== undefined) yield whole.toLowerCase();
    else if (number !== undefined) yield number.toLowerCase();
    else if (hyphens !== undefined) {
      yield lexemeOf(hyphens);
      for (const part of hyphens.split("-")) yield lexemeOf(part);
    } else if (word !== undefined) yield lexemeOf(word);
  }
}
