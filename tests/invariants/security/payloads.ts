/** The texts that are tried in every place, and how to tell whether a text was treated as more than text. */
import { createHash } from "node:crypto";

/** Only the database can compute this value, so no answer has it unless a payload ran. */
export const computed: string = createHash("md5").update("mayfly").digest("hex");

/** Texts that are SQL, JSON, a path, a template or a format if something interprets them. */
export const payloads: string[] = [
  "'",
  "'; drop table mayfly.memories; --",
  "' || md5('mayfly') || '",
  `" or 1=1; update mayfly.tenants set name = 'pwned'; --`,
  "x'); select pg_sleep(5); select ('",
  "$$; select md5('mayfly'); $$ $1 %s %I %L %1$s \\",
  "\\'; set role supabase_admin; select md5('mayfly') --",
  "a) union select hash from mayfly_private.renewal_secrets --",
  "{x','}",
  '{"$gt": "", "a": [',
  "*:* & ! | <-> :A (a+)+$[ %_%\\_% ../../etc/passwd",
  "null",
  "\u202e\u{1f600}\u0301\ufeff\u2028\u0001\u007f",
  "Ω".repeat(3_000),
];

/** The payloads for HTTP: a few that cover the others, because a request over HTTP costs more. */
export const fewPayloads: string[] = payloads.filter((_, index) =>
  [2, 5, 7, 9, 12].includes(index),
);

/** Messages of the database about its SQL, and of the functions about their code. */
const leaks =
  /syntax error|pg_catalog|mayfly_private(?!\.settings)|at character|PL\/pgSQL|SQL statement|relation "|unterminated|renewal_secrets|node_modules|\.ts:\d+| {4}at /i;

/** What an answer must not reveal, except for payloads that it may repeat. A hint may name `mayfly_private.settings`. */
export function leakIn(answer: string): string | undefined {
  if (answer.includes(computed)) return "what SQL computed";
  let rest = answer;
  // Facts store types and predicates in this form, so an answer may repeat a payload in it.
  const words = payloads.map((payload) =>
    payload
      .trim()
      .toLowerCase()
      .replace(/[\s_-]+/g, "_")
      .replace(/^_+|_+$/g, ""),
  );
  for (const payload of [...payloads, ...words.filter((word) => leaks.test(word))])
    for (let said = payload, level = 0; level < 3; level++) {
      rest = rest.replaceAll(said, "");
      said = JSON.stringify(said).slice(1, -1);
    }
  return leaks.exec(rest)?.[0];
}
