/**
 * Says where and why a text is not JSON. Browsers say it each in their own words, and often without a place. A parser
 * such as jsonc-parser adds 10 kB, and its codes say less: for `[1}` that a comma is missing, and for `{ a: 1 }` only
 * that `a` is no symbol.
 */

const text = String.raw`"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"`;
const number = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])`;
const word = String.raw`(?:true|false|null)(?!\w)`;
const token = new RegExp(String.raw`\s*([{}[\],:]|${text}|${number}|${word})`, "y");

/** What may come next. `end` after a value: a comma, or the end of what the value is in. */
type Next = "value" | "value or ]" | "name" | "name or }" | ":" | "end";

/** The index of the first fault, and what should be there. It is at the end if something is missing there. */
function faultIn(json: string): { at: number; next: Next; isInside: boolean } {
  const inside: ("{" | "[")[] = [];
  let next: Next = "value";
  const fits = (found: string): Next | null => {
    const last = inside.at(-1);
    if (found === "}" || found === "]") {
      const closes = next === "end" || next === (found === "}" ? "name or }" : "value or ]");
      if (!closes || last !== (found === "}" ? "{" : "[")) return null;
      inside.pop();
      return "end";
    }
    if (found === ":") return next === ":" ? "value" : null;
    if (found === ",") return next === "end" && last ? (last === "{" ? "name" : "value") : null;
    if (next.startsWith("name")) return found.startsWith('"') ? ":" : null;
    if (!next.startsWith("value")) return null;
    if (found !== "{" && found !== "[") return "end";
    inside.push(found);
    return found === "{" ? "name or }" : "value or ]";
  };
  for (let at = 0; ; at = token.lastIndex) {
    token.lastIndex = at;
    const found = token.exec(json)?.[1];
    const begins = json.length - json.slice(at).trimStart().length;
    const then = found === undefined ? null : fits(found);
    if (then === null) return { at: begins, next, isInside: inside.length > 0 };
    next = then;
  }
}

/** Why a text is not JSON, and where. Null if it is JSON or empty. */
export function problemOf(json: string): string | null {
  if (json.trim() === "") return null;
  try {
    JSON.parse(json);
    return null;
  } catch {
    const fault = faultIn(json);
    const before = json.slice(0, fault.at).split("\n");
    return `Line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${adviceFor(json, fault)}.`;
  }
}

/** What to do about the faults that people make most. */
function adviceFor(json: string, { at, next, isInside }: ReturnType<typeof faultIn>): string {
  const [before, rest] = [json.slice(0, at).trimEnd(), json.slice(at)];
  if (rest === "") return "the end is missing: a bracket is still open, or a value is missing";
  if (rest.startsWith("'")) return "JSON has double quotes, not single ones";
  if (/^[}\]]/.test(rest) && before.endsWith(","))
    return "there must be no comma after the last part";
  if (next === "end" && /^[^}\],:]/.test(rest))
    return isInside ? "a comma is missing before this" : "nothing may follow the end of the value";
  if (next === ":") return "a colon is missing before this";
  if (rest.startsWith('"'))
    return "this text has no closing quote, or a line break or a single backslash in it";
  if (next.startsWith("name")) return "a name needs double quotes";
  if (/^[A-Za-z]/.test(rest)) return "a text needs double quotes";
  return `this does not belong here: ${rest.slice(0, 1)}`;
}
