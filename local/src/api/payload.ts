import { Refusal } from "./caller.ts";
import { apiError } from "./errors.ts";

/** The data that a request wants to write, as unchanged JSON whose values only Postgres reads. */
export interface Payload {
  json: string;
  isObject: boolean;
  /** The columns that are written. */
  names: string[];
}

/**
 * The body as JSON, and the columns to write. The parameter `columns` names the columns. Without this
 * parameter, they are the keys of the first object, and all other objects must have the same keys.
 * @throws Refusal, like PostgREST
 */
export function payloadOf(
  contentType: string | null,
  body: string,
  columns: string[] | undefined,
): Payload {
  const type = (contentType ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "application/json" || type === "") {
    if (columns) return { json: body, isObject: /^[ \t\r\n]*\{/.test(body), names: columns };
    return keysOf(body);
  }
  if (type === "application/x-www-form-urlencoded") {
    const record = Object.fromEntries(new URLSearchParams(body));
    return { json: JSON.stringify(record), isObject: true, names: Object.keys(record) };
  }
  if (type === "text/csv") return fromCsv(body);
  throw invalid(`Content-Type not acceptable: ${type}`);
}

const invalid = (message: string) => new Refusal(apiError(400, { code: "PGRST102", message }));

function keysOf(body: string): Payload {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw invalid("Empty or invalid json");
  }
  if (isObject(value)) return { json: body, isObject: true, names: Object.keys(value) };
  // As in PostgREST, a body that is only a string, a number or null contains no rows.
  if (!Array.isArray(value) || value.length === 0)
    return { json: "[]", isObject: false, names: [] };
  const names = isObject(value[0]) ? Object.keys(value[0]) : [];
  const uniform = value.every(
    (row) =>
      isObject(row) &&
      Object.keys(row).length === names.length &&
      names.every((name) => Object.hasOwn(row, name)),
  );
  if (!uniform) throw invalid("All object keys must match");
  return { json: body, isObject: false, names };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** An unquoted NULL is null. A quoted field may contain commas, line ends and doubled quotes. */
function fromCsv(text: string): Payload {
  const [names = [], ...lines] = csvLines(text);
  if (lines.some((line) => line.length !== names.length))
    throw invalid("All lines must have same number of fields");
  const rows = lines.map((line) =>
    Object.fromEntries(
      names.map((name, i) => [name, line[i] === "NULL" ? null : (line[i] ?? null)]),
    ),
  );
  return { json: JSON.stringify(rows), isObject: false, names };
}

function csvLines(text: string): string[][] {
  const lines: string[][] = [];
  let line: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  while (field.lastIndex < text.length) {
    const match = field.exec(text);
    if (!match) throw invalid("The text is not valid CSV.");
    const [, quoted, plain = "", end] = match;
    line.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ",") {
      if (field.lastIndex < text.length) continue;
      line.push("");
    }
    lines.push(line);
    line = [];
  }
  return lines;
}
