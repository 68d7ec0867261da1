import { randomUUID } from "node:crypto";
import type { CompiledQuery } from "kysely";

/**
 * Keeps the values of a request's filters away from lite. lite would convert the values to numbers,
 * nulls and objects, so `id=eq.9007199254740993` would find the row 9007199254740992. Instead, lite
 * gets a token in place of each value. In the statement, each token becomes a parameter with the
 * text of the value, and Postgres gives the parameter its type.
 */
export interface Veil {
  /** The query string with tokens. */
  readonly parameters: URLSearchParams;
  reveal(query: CompiledQuery): CompiledQuery;
  /** The text with its tokens replaced by the values that they stand for. */
  text(value: string): string;
}

const reserved = /^(select|columns|on_conflict|apikey|(.*\.)?(order|limit|offset))$/;
const operators =
  "eq|neq|gte?|lte?|like|ilike|match|imatch|isdistinct|fts|plfts|phfts|wfts|cs|cd|ov|sl|sr|nxr|nxl|adj|in|is";
const filter = new RegExp(`^((?:not\\.)?)(${operators})(\\([^()]*\\))?\\.([\\s\\S]*)$`);

/** @param own names that are not filters, such as the arguments of a function. */
export function veil(given: URLSearchParams, own: ReadonlySet<string> = new Set()): Veil {
  const nonce = randomUUID().replaceAll("-", "");
  const texts: string[] = [];
  const hide = (text: string) => `Zv${nonce}x${texts.push(text) - 1}z`;
  const parameters = new URLSearchParams();
  const filters: Array<[string, string]> = [];
  for (const [name, value] of given) {
    if (reserved.test(name) || own.has(name)) parameters.append(name, value);
    else filters.push([name, hiddenIn(name, value, hide)]);
  }
  for (const [name, value] of apart(filters)) parameters.append(name, value);

  const token = new RegExp(`Zv${nonce}x(\\d+)z`, "g");
  const shown = (text: string) => text.replace(token, (_, at) => texts[Number(at)] ?? "");
  const parameter = (value: unknown): unknown => {
    if (typeof value === "string") return shown(value);
    if (!Array.isArray(value)) return value;
    // If the value is a whole list, as in `eq(any).{1,2}`, the list stays one value, because
    // Postgres parses it.
    const [first] = value;
    if (value.length === 1 && typeof first === "string" && shown(first).startsWith("{"))
      return shown(first);
    return value.map(parameter);
  };
  return {
    parameters,
    text: shown,
    reveal: (query) =>
      texts.length === 0
        ? query
        : {
            ...query,
            // lite writes some values directly into the statement, so their tokens are replaced
            // there.
            sql: query.sql.replace(
              new RegExp(`'${token.source}'`, "g"),
              (_, at) => `'${texts[Number(at)]?.replaceAll("'", "''")}'`,
            ),
            parameters: query.parameters.map(parameter),
          },
  };
}

/**
 * Gives each filter its own name, because lite keeps only the last of two filters with the same
 * name, and merges two `or` into one. Filters with the same name become one `and` of their table.
 */
function apart(filters: Array<[string, string]>): Array<[string, string]> {
  const parts = filters.map(([name, value]) => ({ name, value, ...partsOf(name) }));
  const count = (name: string) => parts.filter((part) => part.name === name).length;
  const crowded = new Set(parts.filter(({ name }) => count(name) > 1).map(({ table }) => table));
  const result: Array<[string, string]> = [];
  for (const table of crowded) {
    const leaves = parts
      .filter((part) => part.table === table)
      .map(({ field, value }) => (isTree(field) ? field + value : `${field}.${value}`));
    result.push([`${table}and`, `(${leaves.join(",")})`]);
  }
  for (const { name, value, table } of parts) if (!crowded.has(table)) result.push([name, value]);
  return result;
}

/**
 * Splits a name: `remarks.not.or` into `remarks.` and `not.or`, and `remarks.data->a` into `remarks.`
 * and `data->a`.
 */
function partsOf(name: string): { table: string; field: string } {
  const tree = /^(|.*\.)((?:not\.)?(?:or|and))$/.exec(name);
  const special = name.search(/[>"]/);
  const plain = special < 0 ? name : name.slice(0, special);
  const at = tree ? (tree[1]?.length ?? 0) : plain.lastIndexOf(".") + 1;
  return { table: name.slice(0, at), field: name.slice(at) };
}

const isTree = (field: string) => /^(not\.)?(or|and)$/.test(field);

type Hide = (text: string) => string;

function hiddenIn(name: string, value: string, hide: Hide): string {
  if (/^(.*\.)?(not\.)?(or|and)$/.test(name)) {
    try {
      const reader = new Reader(value);
      const tree = treeOf(reader, hide);
      return reader.rest === "" ? tree : value;
    } catch {
      // Pass the value on, because lite reports what is wrong with it.
      return value;
    }
  }
  const match = filter.exec(value);
  if (!match) return value;
  const [, not = "", operator = "", modifier = "", text = ""] = match;
  if (operator === "is") return value;
  if (operator === "in") {
    const reader = new Reader(text);
    try {
      const list = listOf(reader, hide);
      return reader.rest === "" ? `${not}in.${list}` : value;
    } catch {
      return value;
    }
  }
  return `${not}${operator}${modifier}.${hiddenValue(operator, modifier, text, hide)}`;
}

/** Hides a value. In a pattern, a star stands for a percent sign, which has another meaning in addresses. */
function hiddenValue(operator: string, modifier: string, text: string, hide: Hide): string {
  const value = /^i?like$/.test(operator) ? text.replaceAll("*", "%") : text;
  return /^\((any|all)\)$/.test(modifier) ? `{${hide(value)}}` : hide(value);
}

class Reader {
  rest: string;
  constructor(text: string) {
    this.rest = text;
  }
  take(pattern: RegExp): string | undefined {
    const match = pattern.exec(this.rest);
    if (match?.index !== 0) return undefined;
    this.rest = this.rest.slice(match[0].length);
    return match[0];
  }
  must(pattern: RegExp): string {
    const taken = this.take(pattern);
    if (taken === undefined) throw new SyntaxError(this.rest);
    return taken;
  }
}

/** Reads conditions, such as `(a.eq.1,or(b.gt.2,not.and(…)))`, and hides their values. */
function treeOf(reader: Reader, hide: Hide): string {
  const items: string[] = [];
  reader.must(/^\s*\(\s*/);
  do {
    const branch = reader.take(/^\s*(not\.)?(and|or)(?=\()/);
    items.push(branch === undefined ? leafOf(reader, hide) : branch.trim() + treeOf(reader, hide));
  } while (reader.take(/^\s*,/) !== undefined);
  reader.must(/^\s*\)/);
  return `(${items.join(",")})`;
}

function leafOf(reader: Reader, hide: Hide): string {
  const field = reader.must(/^\s*(?:"[^"]*"|[^".,()])+/).trim();
  reader.must(/^\./);
  const not = reader.take(/^not\./) ?? "";
  const operator = reader.must(new RegExp(`^(?:${operators})(?=[.(])`));
  const modifier = reader.take(/^\([^()]*\)/) ?? "";
  reader.must(/^\./);
  const start = `${field}.${not}${operator}${modifier}.`;
  if (operator === "is") return start + reader.must(/^[^,)]*/);
  if (operator === "in") return start + listOf(reader, hide);
  const value = quotedOf(reader) ?? reader.take(/^\{[^{}]*\}(?=[,)])/) ?? reader.must(/^[^,)]*/);
  return start + hiddenValue(operator, modifier, value, hide);
}

/** Reads a list of values, such as `(a,"b,c")`, and hides each value. An empty list is left to lite. */
function listOf(reader: Reader, hide: Hide): string {
  const empty = reader.take(/^\(\s*\)/);
  if (empty !== undefined) return empty;
  const items: string[] = [];
  reader.must(/^\(/);
  do items.push(hide(quotedOf(reader) ?? reader.must(/^[^,)]*/)));
  while (reader.take(/^,/) !== undefined);
  reader.must(/^\)/);
  return `(${items.join(",")})`;
}

function quotedOf(reader: Reader): string | undefined {
  return reader
    .take(/^"(?:[^"\\]|\\[\s\S])*"(?=[,)])/)
    ?.slice(1, -1)
    .replace(/\\([\s\S])/g, "$1");
}
