/**
 * Prepares a text for parsing into words, like mayfly_private.searched, where the reasons are
 * explained.
 */

/** Letters of scripts without spaces between words, and of Korean. */
const letter =
  "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3\u3005-\u3007\u3041-\u3096\u309d-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\u{20000}-\u{3FFFF}";
/** Marks that belong to the letter before them. */
const mark =
  "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3";
const unit = `[${letter}][${mark}]*`;

const unnormalised =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: letters and marks are meant one by one.
  /[\u00a0\u00aa\u00ad\u00b2\u00b3\u00b5\u00b9-\u00be\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0622-\u0625\u0640\u064b-\u065f\u0670\u0671\u093c\u1100-\u11ff\u1d2c-\u1d7f\u2000-\u200f\u2028-\u202f\u205f-\u208e\u2100-\u2149\u2160-\u217f\u2460-\u24ff\u3000\u3099\u309a\u3131-\u318e\u3200-\u33ff\uf900-\ufaff\ufb00-\ufbff\ufd3e-\ufeff\uff00-\uffef\u{1D400}-\u{1D7FF}]/u;
const invisible = /[\u00ad\u200b-\u200f\u2060\ufeff\u0640]/gu;
const marks =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: marks are meant one by one.
  /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\ufe00-\ufe0f]+/gu;
const paired = new RegExp(`[${letter}]`, "u");
const pairs = new RegExp(`((?:${unit}){1,2})`, "gu");
const firsts = new RegExp(`(?:^|[^${letter}${mark}]+)(?:${unit})?`, "gu");
/** Identifiers, paths and addresses, and hashes that begin with a number. */
const identifiers =
  /([A-Za-z0-9_]*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z])[A-Za-z0-9_./\\:@]*|[A-Za-z0-9_]+(?:[./\\:@][A-Za-z0-9_]+)+|\b[0-9]+e[0-9]+[a-z][a-z0-9]*)/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what ASCII is.
const isAscii = (text: string) => /^[\u0000-\u007f]*$/.test(text);

export function searched(content: string): string {
  let text = content.replace(/[<>]/g, " ");
  if (!isAscii(text)) {
    if (unnormalised.test(text))
      text = text
        .replace(invisible, "")
        .normalize("NFKC")
        .replace(/[\u0622\u0623\u0625\u0671]/gu, "\u0627")
        .replace(marks, "");
    if (paired.test(text))
      text = text.replace(pairs, " $1 ") + text.replace(firsts, " ").replace(pairs, "$1 ");
  }
  text = text.replace(/([A-Za-z])\+\+/g, "$1plusplus ").replace(/\b([CcFf])#/g, "$1sharp ");
  const parts = text.match(identifiers);
  if (!parts) return text;
  const apart = parts
    .join(" ")
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z]{2})/g, "$1 $2")
    .replace(/[./\\:@]+/g, " ")
    .replace(/\b([0-9]+e[0-9]+[a-z])/g, "x$1");
  return `${text} ${apart}`;
}

export const isPaired = (text: string): boolean => paired.test(text);
