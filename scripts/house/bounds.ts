/**
 * A bound is stated once, in `sdk/src/contract`. SQL cannot import it and states it again: there the two
 * must be the same.
 */
import type { SourceFile } from "./tree.ts";

/** What is bounded by the contract in SQL as well, by the file of its table. */
const tables = ["sql/memory/tables/memories.sql", "sql/agents/tables/agents.sql"];

/** `.max(100)` of zod; 0 and 1 say that something is there, or is a share. */
const zodBound = /(?<!Math)\.(max|min|length|lte|gte|lt|gt)\(\s*(-?\d[\d_.]*)/g;
/** A refusal that names a number: `invalid("limit", "must be 1 to 100")`. */
const refusal = /\binvalid\(\s*["'`][\w.]+["'`],\s*(["'`])((?:(?!\1)[^\\])*)\1/g;

const range = /\d to \d|\b(at least|at most|up to|more than|less than) \d/;
const toNumber = (text: string) => Number(text.replace(/[_,]/g, ""));

/** Each bound that stands beside the contract, or is another in SQL, as a sentence. */
export function boundFaults(tree: SourceFile[]): string[] {
  const contract = contractBounds(tree);
  return tree.flatMap(({ file, text }) => {
    if (/^(sdk\/src|functions)\/.*\.ts$/.test(file) && !file.startsWith("sdk/src/contract/"))
      return besideTheContract(file, text);
    return tables.includes(file) ? otherThanTheContract(file, text, contract) : [];
  });
}

function besideTheContract(file: string, text: string): string[] {
  const bounds = /from "zod"/.test(text)
    ? [...text.matchAll(zodBound)].map(([call, , number]) => ({
        call,
        number: toNumber(number ?? ""),
      }))
    : [];
  return [
    ...bounds.filter(({ number }) => number > 1).map(({ call }) => `${call})`),
    ...[...text.matchAll(refusal)]
      .map(([, , said = ""]) => said)
      .filter(
        (said) =>
          range.test(said) && [...said.matchAll(/\d[\d_,]*/g)].some(([n]) => toNumber(n) > 1),
      ),
  ].map(
    (bound) =>
      `${file} states a bound (${bound}): state it in sdk/src/contract, and import it from there.`,
  );
}

/** How long a text may be, by the name of its field: `task: text(2_000)`. */
function contractBounds(tree: SourceFile[]): Map<string, Set<number>> {
  const bounds = new Map<string, Set<number>>();
  for (const { file, text } of tree) {
    if (!/^sdk\/src\/contract\/.*\.ts$/.test(file)) continue;
    for (const [, field = "", most = ""] of text.matchAll(/(\w+): text\((\d[\d_]*)\)/g))
      bounds.set(field, (bounds.get(field) ?? new Set()).add(toNumber(most)));
  }
  return bounds;
}

function otherThanTheContract(
  file: string,
  text: string,
  contract: Map<string, Set<number>>,
): string[] {
  const stated = text.matchAll(/char_length\((\w+)\)\s*(?:<=|between \d+ and)\s*(\d+)/g);
  return [...stated].flatMap(([, field = "", most]) => {
    const agreed = contract.get(field);
    return agreed && !agreed.has(Number(most))
      ? [
          `${file} bounds ${field} by ${most}, and sdk/src/contract by ${[...agreed].join(" or ")}: they must be the same.`,
        ]
      : [];
  });
}
