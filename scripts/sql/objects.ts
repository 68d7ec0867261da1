/** The objects of the SQL sources: one for each statement, with a key that stays the same when its text changes. */
import { createHash } from "node:crypto";
import { statements } from "../../local/src/db/sql.ts";

export interface Source {
  file: string;
  text: string;
}

export interface SqlObject {
  /** `function mayfly.sync`, `table mayfly.agents`, `policy agents_select on mayfly.agents`, … */
  key: string;
  /** For a comment or a grant, the key of the object that it is about. Otherwise the same as `key`. */
  about: string;
  /**
   * Whether the object holds data, or data depends on it. In a release, such objects are changed by
   * hand. All others are replaced.
   */
  durable: boolean;
  /** The statement with the comments before it. */
  text: string;
  /** A hash of the statement without the comments before it. */
  hash: string;
  /** A hash of a function's name, parameters and result, because `create or replace` can change everything else. */
  head?: string;
  /**
   * Whether the object is in the schema `realtime`. There, a hosted project allows only policies, which are in a
   * migration of their own.
   */
  realtime: boolean;
}

const identity = (name: string) => name.replace(/\s*\(.*$/s, "").trim();
const digest = (text: string) => createHash("sha256").update(text.trim()).digest("hex");
const flat = (text: string) => text.replace(/\s+/g, " ").trim();

/**
 * Leaves out a function's parameters in a comment or a grant. The statement means the same without
 * them, because no two functions have the same name.
 */
const short = (statement: string) =>
  statement
    .replace(
      /^((?:comment|grant \w+)\s+on\s+function\s+[\w.]+)\s*\([\s\S]*?\)(?=\s+(?:is|to)\s)/,
      "$1",
    )
    .replace(/^(comment on function [\w.]+)\s+is\s+/, "$1 is ")
    .replace(/^grant [\s\S]*/, flat);

type Described = Pick<SqlObject, "key" | "durable"> & { about?: string; head?: string };
type Rule = [RegExp, (match: RegExpExecArray, statement: string) => Described];

const own = (kind: string, durable: boolean): Rule[1] => {
  return ([, name = ""]) => ({ key: `${kind} ${identity(name)}`, durable });
};
const ofTable = (kind: string): Rule[1] => {
  return ([, name, table]) => ({ key: `${kind} ${name} on ${table}`, durable: false });
};

/** The kinds, by the start of a statement. The first match counts. */
const rules: Rule[] = [
  [
    /^create (?:or replace )?function ([\w.]+)/,
    ([, name], statement) => ({
      key: `function ${name}`,
      durable: false,
      head: digest(flat(statement.split(/\n(?:language|set|as|return)\b/)[0] ?? "")),
    }),
  ],
  [/^create table ([\w.]+)/, own("table", true)],
  [/^create (?:unique )?index (\w+)/, own("index", true)],
  [/^create type ([\w.]+)/, own("type", true)],
  [/^create text search configuration ([\w.]+)/, own("text search configuration", true)],
  [
    /^alter text search configuration ([\w.]+)/,
    ([, name], statement) => ({
      key: flat(statement),
      about: `text search configuration ${name}`,
      durable: true,
    }),
  ],
  [/^create schema (?:if not exists )?(\w+)/, own("schema", true)],
  [/^create extension (?:if not exists )?(\w+)/, own("extension", true)],
  [/^create trigger (\w+) .*? on ([\w.]+)/, ofTable("trigger")],
  [/^create policy (\w+) on ([\w.]+)/, ofTable("policy")],
  [
    /^comment on (\w+) ([\w.]+)/,
    ([, kind, name]) => {
      const about = kind === "column" ? `table ${name?.replace(/\.\w+$/, "")}` : `${kind} ${name}`;
      return { key: `comment on ${kind} ${name}`, about, durable: false };
    },
  ],
  [
    /^grant .*? on (?:(function|schema|table|sequence) )?([\w.]+)/,
    ([, kind = "table", name], statement) => ({
      key: flat(statement),
      about: `${kind} ${name}`,
      durable: false,
    }),
  ],
  [/^alter (?:table|index) ([\w.]+)/, (_, statement) => ({ key: flat(statement), durable: true })],
  [
    /^insert into ([\w.]+)/,
    ([, table], statement) => ({
      key: `rows of ${table} ${digest(statement).slice(0, 8)}`,
      about: `table ${table}`,
      // An insert with `on conflict` can run again, so it is not durable.
      durable: !/\bon conflict\b/.test(statement),
    }),
  ],
  [/^do \$/, (_, statement) => ({ key: `block ${digest(statement).slice(0, 8)}`, durable: false })],
];

/** The objects of the sources, in their order. Throws for an unknown kind of statement. */
export function objectsOf(sources: Source[]): SqlObject[] {
  return sources.flatMap(({ file, text }) => {
    let from = 0;
    return statements(text).flatMap(({ start, end }) => {
      const statement = short(text.slice(start, end));
      const whole = `${text.slice(from, end).trim()};`;
      from = end + 1;
      // This is no object. A migration itself drops each policy that it creates again.
      if (/^drop policy if exists/.test(statement)) return [];
      if (/^revoke execute on function/.test(statement))
        throw new Error(`${file}: each migration ends with one revoke for all: take this one out.`);
      const oneLine = flat(statement);
      for (const [pattern, describe] of rules) {
        const match = pattern.exec(oneLine);
        if (!match) continue;
        const described = describe(match, statement);
        const realtime = described.key.endsWith(" on realtime.messages");
        return [
          { about: described.key, ...described, text: whole, hash: digest(statement), realtime },
        ];
      }
      throw new Error(`${file}: a statement of a new kind: ${oneLine.slice(0, 80)}`);
    });
  });
}
