/**
 * Where a value does not match a JSON Schema, in words for the person who fills in a form. It is never
 * stricter than the worker that checks the input again: it does not know every keyword, and leaves out
 * `pattern`, because an agent could publish one that never ends on some text. zod's `fromJSONSchema` is
 * experimental, runs patterns, and is stricter than some libraries about formats.
 */
import { isObject, referred } from "./shape.ts";

/** A part of a value that does not match. */
export interface Fault {
  /** Names of properties and places in lists. */
  path: string[];
  /** Such as `must be at least 1`. */
  problem: string;
}

/** How many parts of schemas to look at, and how deep. The rest is left to the worker. */
const mostSteps = 20_000;
const mostLevels = 64;
const mostFaults = 50;

interface Look {
  root: unknown;
  /** Shared by the whole look. */
  count: { steps: number };
  levels: number;
}

export function faultsIn(schema: unknown, value: unknown): Fault[] {
  const begin = { root: schema, count: { steps: 0 }, levels: 0 };
  return look(schema, value, [], begin).slice(0, mostFaults);
}

function look(schema: unknown, value: unknown, path: string[], from: Look): Fault[] {
  if (schema === false) return [{ path, problem: "must be left out" }];
  const at = { ...from, levels: from.levels + 1 };
  if (!isObject(schema) || at.levels > mostLevels || ++at.count.steps > mostSteps) return [];
  const own = problemOf(schema, value);
  if (own !== null) return [{ path, problem: own }];
  const inside = (part: unknown) => look(part, value, path, at);
  const fits = (part: unknown) => inside(part).length === 0;
  const faults: Fault[] = [];
  if (schema.$ref !== undefined) faults.push(...inside(referred(at.root, schema.$ref)));
  if (Array.isArray(schema.allOf)) faults.push(...schema.allOf.flatMap(inside));
  for (const choices of [schema.anyOf, schema.oneOf])
    if (Array.isArray(choices) && !choices.some(fits)) {
      const real = choices.filter((one) => !(isObject(one) && one.type === "null"));
      faults.push(
        ...(real.length === 1
          ? inside(real[0])
          : [{ path, problem: "matches none of the forms that are possible here" }]),
      );
    }
  if (schema.not !== undefined && fits(schema.not))
    faults.push({ path, problem: "is excluded here" });
  if (isObject(value)) faults.push(...inObject(schema, value, path, at));
  if (Array.isArray(value)) {
    const first = Array.isArray(schema.prefixItems) ? schema.prefixItems : [];
    faults.push(
      ...value.flatMap((one, n) => look(first[n] ?? schema.items, one, [...path, String(n)], at)),
    );
  }
  return faults;
}

function inObject(
  schema: Record<string, unknown>,
  value: Record<string, unknown>,
  path: string[],
  at: Look,
): Fault[] {
  const required = Array.isArray(schema.required) ? schema.required : [];
  const known = isObject(schema.properties) ? schema.properties : {};
  const missing = required
    .filter((name): name is string => typeof name === "string" && !Object.hasOwn(value, name))
    .map((name) => ({ path: [...path, name], problem: "is required" }));
  return [
    ...missing,
    ...Object.entries(value).flatMap(([name, part]) => {
      const inside = [...path, name];
      if (Object.hasOwn(known, name)) return look(known[name], part, inside, at);
      if (schema.additionalProperties === false && !isObject(schema.patternProperties))
        return [{ path: inside, problem: "is not a part of this input" }];
      return look(schema.additionalProperties, part, inside, at);
    }),
  ];
}

type Rule = [keyword: string, broken: (limit: number, value: number) => boolean, says: string];
const ofNumbers: Rule[] = [
  ["minimum", (limit, value) => value < limit, "must be at least"],
  ["maximum", (limit, value) => value > limit, "must be at most"],
  ["exclusiveMinimum", (limit, value) => value <= limit, "must be more than"],
  ["exclusiveMaximum", (limit, value) => value >= limit, "must be less than"],
  ["multipleOf", (limit, value) => isBetween(value / limit), "must be a multiple of"],
];
const isBetween = (ratio: number) => Math.abs(ratio - Math.round(ratio)) > 1e-9;
const ofTexts: Rule[] = [
  ["minLength", (limit, length) => length < limit, "must have at least"],
  ["maxLength", (limit, length) => length > limit, "must have at most"],
];
const ofLists: Rule[] = [
  ["minItems", (limit, length) => length < limit, "must have at least"],
  ["maxItems", (limit, length) => length > limit, "must have at most"],
];

const brokenRule = (
  rules: Rule[],
  schema: Record<string, unknown>,
  value: number,
  unit = "",
): string | null => {
  for (const [keyword, broken, says] of rules) {
    const limit = schema[keyword];
    if (typeof limit === "number" && broken(limit, value))
      return `${says} ${limit}${unit && ` ${unit}${limit === 1 ? "" : "s"}`}`;
  }
  return null;
};

const names: Record<string, string> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  null: "null",
};

/** What the value itself must be, apart from what is inside it. */
function problemOf(schema: Record<string, unknown>, value: unknown): string | null {
  const types = [schema.type].flat().filter((one) => typeof one === "string");
  if (types.length > 0 && !types.some((type) => isOf(type, value)))
    return `must be ${types.map((type) => names[type] ?? type).join(" or ")}`;
  if (Array.isArray(schema.enum) && !schema.enum.some((one) => isSame(one, value)))
    return `must be one of ${schema.enum.map(shown).join(", ")}`.slice(0, 300);
  if (schema.const !== undefined && !isSame(schema.const, value))
    return `must be ${shown(schema.const)}`.slice(0, 300);
  if (typeof value === "number") return brokenRule(ofNumbers, schema, value);
  if (Array.isArray(value)) return brokenRule(ofLists, schema, value.length, "item");
  if (typeof value !== "string") return null;
  const broken = brokenRule(ofTexts, schema, [...value].length, "character");
  return broken ?? formats[String(schema.format)]?.(value) ?? null;
}

const isOf = (type: string, value: unknown): boolean =>
  type === "integer"
    ? Number.isInteger(value)
    : type === "array"
      ? Array.isArray(value)
      : type === "object"
        ? isObject(value)
        : type === "null"
          ? value === null
          : typeof value === type;

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
const shown = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

const formats: Record<string, (text: string) => string | null> = {
  uri: (text) => (URL.canParse(text) ? null : "must be an address, such as https://example.com"),
  email: (text) => (/^[^\s@]+@[^\s@]+$/.test(text) ? null : "must be a mail address"),
  uuid: (text) =>
    /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text) ? null : "must be a UUID",
  date: (text) => (/^\d{4}-\d\d-\d\d$/.test(text) ? null : "must be a date, such as 2026-11-30"),
  "date-time": (text) =>
    Number.isNaN(Date.parse(text)) ? "must be a time, such as 2026-11-30T12:00:00Z" : null,
};
