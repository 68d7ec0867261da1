/**
 * Attributes: what a program says about a job, a workflow or a run of an agent, so that it is found by
 * it. They are searched for as `{ customer: "acme" }`, or as a text such as `customer:acme`.
 */
import type { z } from "zod";
import { object } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { invalid } from "../contract/invalid.ts";

/** The value of an attribute. */
export type AttributeValue = string | number | boolean;

/**
 * Up to 16 attributes of a job. A name has 1 to 64 letters, digits, dots, dashes or underscores, and begins
 * with a letter or an underscore. A text has 1 to 256 bytes.
 */
export type Attributes = Record<string, AttributeValue>;

/** Attributes to set. Null removes one, and those that are not named stay. */
export type AttributeChanges = Record<string, AttributeValue | null>;

/**
 * The attributes to search for, all of which must match exactly. With a list, any of its values matches. The
 * text `customer:acme plan:"Team XL"` says the same, and the same name twice finds either value. In a text,
 * `orders:3` finds the number 3 as well as the text "3".
 */
export type Where = string | Record<string, AttributeValue | AttributeValue[]>;

/** Every attribute after a change. */
export const attributesRow = object as unknown as z.ZodType<Attributes>;

/** An attribute in a text. An address such as `https://…` is none. */
const one = /(?<!\S)([a-z_][\w.-]*):(?!\/\/)("(?:[^"\\]|\\.)*"|[^\s"]\S*)(?!\S)/gi;
/** The same, or words in quotes. */
const piece = new RegExp(`(?<!\\S)"([^"]*)"(?!\\S)|${one.source}`, "gi");

/**
 * Splits the text of a search field into attributes (`where`) and other words (`containing`). An attribute in
 * quotes is a text to look for: `"workflow:publish"`.
 *
 * @example
 * splitSearch("customer:acme lost parcel"); // { where: "customer:acme", containing: "lost parcel" }
 */
export function splitSearch(text: string): { where: string; containing: string } {
  const where: string[] = [];
  const rest = text.replace(piece, (all: string, quoted: string | undefined) => {
    if (quoted !== undefined) return quoted.search(one) === 0 ? quoted : all;
    where.push(all);
    return "";
  });
  return { where: where.join(" "), containing: rest.trim().replace(/ {2,}/g, " ") };
}

/** An attribute as a search finds it: `customer:acme`, or `plan:"Team XL"`. */
export function attributeText(name: string, value: AttributeValue): string {
  const isPlain =
    typeof value !== "string" || (/^[^\s"]+$/.test(value) && valuesOf(value).length === 1);
  const text = isPlain ? String(value) : `"${String(value).replace(/["\\]/g, "\\$&")}"`;
  return `${name}:${text.startsWith("//") ? `"${text}"` : text}`;
}

/**
 * The filter in the form that SQL expects, as a value to pass on, or nothing if it is empty. A text that is not
 * a list of attributes is refused with `invalid_request`.
 */
export function toWhere(where: Where | undefined): Result<{ of_attributes?: object }> {
  if (typeof where !== "string") return ok(where ? { of_attributes: where } : {});
  const wanted: Record<string, AttributeValue[]> = Object.create(null);
  const rest = where
    .replace(one, (_, name: string, word: string) => {
      wanted[name] = [...(wanted[name] ?? []), ...valuesOf(word)];
      return "";
    })
    .trim();
  if (rest === "") return ok(Object.keys(wanted).length > 0 ? { of_attributes: wanted } : {});
  const found = rest.slice(0, 60);
  return failed(invalid("where", `must be like customer:acme plan:"Team XL", and ${found} is not`));
}

/** What a word may stand for. In quotes, it is a text. */
function valuesOf(word: string): AttributeValue[] {
  if (word.startsWith('"')) return [word.slice(1, -1).replace(/\\(.)/g, "$1")];
  if (word === "true" || word === "false") return [word, word === "true"];
  const number = Number(word);
  return String(number) === word && Number.isFinite(number) ? [word, number] : [word];
}
