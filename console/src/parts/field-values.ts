/** What the fields of an input show at first, and what a person entered in them. */
import { parseJson } from "./form.tsx";
import type { Fault } from "./schema-faults.ts";
import type { Shape } from "./shape.ts";

/** How a part of an input is entered. */
export type FieldKind =
  | "group"
  | "choice"
  | "check"
  | "number"
  | "text"
  | "date"
  | "time"
  | "lines"
  | "json";

const scalars = ["string", "number", "integer"];

/** Which field a shape gets. An optional boolean without a default can also be left out, so it is a choice. */
export function kindOf(of: Shape, isRequired: boolean): FieldKind {
  const { type, format, items } = of;
  if (of.enum) return "choice";
  if (of.properties) return "group";
  if (type === "boolean") return isRequired || of.default !== undefined ? "check" : "choice";
  if (type === "number" || type === "integer") return "number";
  if (type === "string")
    return format === "date" ? "date" : format === "date-time" ? "time" : "text";
  if (type !== "array" || !items || items.properties || !scalars.includes(items.type ?? ""))
    return "json";
  const given = of.default ?? [];
  return Array.isArray(given) && given.every((one) => scalarText(one) !== null) ? "lines" : "json";
}

/** The values that a choice offers. */
export const choicesOf = (of: Shape): unknown[] => of.enum ?? [true, false];

/** An item of a list as a line, or null if it does not fit into one. */
const scalarText = (value: unknown) =>
  typeof value === "number" || (typeof value === "string" && value.trim() === value && value !== "")
    ? /\n/.test(String(value))
      ? null
      : String(value)
    : null;

/** The name of a field in its form. Dots in the names of parts are escaped. */
export const nameOf = (path: readonly string[]): string =>
  ["input", ...path.map((part) => part.replaceAll("%", "%25").replaceAll(".", "%2E"))].join(".");

/** What a field shows at first. */
export function textOf(of: Shape, kind: FieldKind): string {
  const { default: value } = of;
  if (value === undefined || (value === null && kind !== "choice")) return "";
  if (kind === "choice") return JSON.stringify(value);
  if (kind === "lines") return (value as unknown[]).map(scalarText).join("\n");
  if (kind === "time") return localTime(value);
  if (kind === "json") return JSON.stringify(value, null, 2);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** An instant as `<input type="datetime-local">` wants it. */
function localTime(value: unknown): string {
  const at = new Date(String(value));
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** A value that was entered, undefined if the part is left out, and which fields cannot be read. */
export interface Entered {
  value: unknown;
  faults: Fault[];
  /** Whether it differs from what the fields showed at first. */
  isChanged: boolean;
}

/** Reads a part of an input, with everything inside it, from its form. */
export function entered(
  form: FormData,
  of: Shape,
  path: readonly string[] = [],
  isRequired = true,
): Entered {
  const kind = kindOf(of, isRequired);
  if (kind === "group") return enteredGroup(form, of, path, isRequired);
  const name = nameOf(path);
  if (kind === "check") {
    const value = form.has(name);
    return { value, faults: [], isChanged: value !== (of.default === true) };
  }
  // A browser sends the lines of a text with CRLF.
  const text = String(form.get(name) ?? "").replaceAll("\r\n", "\n");
  const isChanged = text !== textOf(of, kind);
  if (!isChanged && of.default !== undefined) return { value: of.default, faults: [], isChanged };
  if (text.trim() === "" && (kind !== "text" || text === ""))
    return { value: undefined, faults: [], isChanged };
  const read = readAs(of, kind, text);
  const faults = "problem" in read ? [{ path: [...path], problem: read.problem }] : [];
  return { value: "value" in read ? read.value : undefined, faults, isChanged };
}

function readAs(
  of: Shape,
  kind: FieldKind,
  text: string,
): { value: unknown } | { problem: string } {
  if (kind === "text" || kind === "date") return { value: text };
  if (kind === "number") return { value: numberOf(text) };
  if (kind === "time") {
    const at = new Date(text);
    return { value: Number.isNaN(at.getTime()) ? text : at.toISOString() };
  }
  if (kind === "lines") {
    const lines = text.split("\n").map((line) => line.trim());
    const toItem = of.items?.type === "string" ? (line: string) => line : numberOf;
    return { value: lines.filter(Boolean).map(toItem) };
  }
  const read = parseJson(text, "It");
  return typeof read === "string" ? { problem: read.slice("It ".length, -1) } : read;
}

/** A number, or the text if it is none, so that the schema says what is wrong. */
const numberOf = (text: string) => (Number.isNaN(Number(text)) ? text : Number(text));

function enteredGroup(
  form: FormData,
  of: Shape,
  path: readonly string[],
  isRequired: boolean,
): Entered {
  const parts = Object.entries(of.properties ?? {}).map(([name, part]) => ({
    name,
    ...entered(form, part, [...path, name], of.required?.includes(name) ?? false),
  }));
  const isChanged = parts.some((part) => part.isChanged);
  const isLeftOut = !isRequired && of.default === undefined && !isChanged;
  const given = parts.filter(({ value }) => value !== undefined);
  return {
    value: isLeftOut
      ? undefined
      : Object.fromEntries(given.map(({ name, value }) => [name, value])),
    faults: parts.flatMap(({ faults }) => faults),
    isChanged,
  };
}

/**
 * The faults of each field, as sentences. What is wrong inside a field, such as in an item of a list, belongs
 * to the field; what has no field belongs to the group around it.
 */
export function byField(of: Shape | null, faults: readonly Fault[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { path, problem } of faults) {
    let at = of;
    let depth = 0;
    for (; depth < path.length; depth++) {
      const parts = at?.properties ?? {};
      const next = Object.hasOwn(parts, path[depth] ?? "") ? parts[path[depth] ?? ""] : undefined;
      if (!next) break;
      at = next;
    }
    const name = nameOf(path.slice(0, depth));
    const what = placeOf(
      path.slice(depth),
      at?.items !== undefined && kindOf(at, true) === "lines",
    );
    found.set(name, [...(found.get(name) ?? []), `${what} ${problem}.`]);
  }
  return found;
}

/** `This`, `Line 2`, or `parts[1].heading`. */
function placeOf(inside: readonly string[], isLine: boolean): string {
  if (inside.length === 0) return "This";
  if (isLine) return `Line ${Number(inside[0]) + 1}`;
  return inside
    .map((key, n) => (/^\d+$/.test(key) ? `[${key}]` : n === 0 ? key : `.${key}`))
    .join("");
}
