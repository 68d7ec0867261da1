/**
 * Stands in for a model if there is no key, with three rules for the sentences of this example's
 * transcript. The stand-in understands no other sentences, and says so.
 */
import type { Extracted, Line } from "./extraction.ts";

const service = (name: string) =>
  ({ name, type: name === "Postgres" ? "thing" : "service" }) as const;
const person = (name: string) => ({ name, type: "person" }) as const;

type Rule = [RegExp, (found: string[], speaker: string) => Omit<Extracted, "line" | "confidence">];
const rules: Rule[] = [
  [
    /[Tt]he (\w+) service (?:also )?depends on (?:the )?(\w+)/,
    ([a = "", b = ""]) => ({
      subject: service(a),
      predicate: "depends_on",
      object: service(b),
      many: true,
    }),
  ],
  [
    /(\w+) owns the (\w+) service/,
    ([who = "", what = ""]) => ({
      subject: service(what),
      predicate: "owner",
      object: person(who),
      many: false,
    }),
  ],
  [
    /\bI work at (\w+)/,
    ([where = ""], who) => ({
      subject: person(who),
      predicate: "works_at",
      object: { name: where, type: "company" },
      many: false,
    }),
  ],
];

export const extractByRules = (lines: Line[]): Extracted[] =>
  lines.flatMap(({ speaker, text }, index) =>
    rules.flatMap(([pattern, make]) => {
      const [found, ...parts] = pattern.exec(text) ?? [];
      return found ? [{ ...make(parts, speaker), line: index + 1, confidence: 0.6 }] : [];
    }),
  );
