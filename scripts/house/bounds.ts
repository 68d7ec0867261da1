/** Each bound is stated once, in `sdk/src/contract`. scripts/sql/bounds.ts writes it into SQL and docs. */
import type { SourceFile } from "./tree.ts";

/**
 * A bound in zod, such as `.max(100)`. 0 and 1 do not count, because they only say that something
 * must exist, or limit a share.
 */
const zodBound = /(?<!Math)\.(max|min|length|lte|gte|lt|gt)\(\s*(-?\d[\d_.]*)/g;
/** A refusal with a number: `invalid("limit", "must be 1 to 100")`. */
const refusal = /\binvalid\(\s*["'`][\w.]+["'`],\s*(["'`])((?:(?!\1)[^\\])*)\1/g;

const range = /\d to \d|\b(at least|at most|up to|more than|less than) \d/;
const toNumber = (text: string) => Number(text.replace(/[_,]/g, ""));

/** Each bound that is stated outside of the contract, as a sentence. */
export function boundFaults(tree: SourceFile[]): string[] {
  return tree.flatMap(({ file, text }) =>
    /^(sdk\/src|functions)\/.*\.ts$/.test(file) && !file.startsWith("sdk/src/contract/")
      ? besideTheContract(file, text)
      : [],
  );
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
