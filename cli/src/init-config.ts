/** Edits supabase/config.toml, and changes only what Mayfly needs. */
import { isDeepStrictEqual } from "node:util";
import { parse, patch } from "@decimalturn/toml-patch";
import { Failure, toFailure } from "./failure.ts";
import type { FunctionEntry } from "./source.ts";

type Table = Record<string, unknown>;

export interface ConfigEdit {
  text: string;
  /** The differences, a phrase each. Empty if there are none. */
  changes: string[];
}

/** The schemas that the Supabase CLI exposes if config.toml names none. */
const defaultSchemas = ["public", "graphql_public"];
const reason =
  "# Mayfly's functions. They verify callers themselves, because verify_jwt cannot check tokens of signing keys.";

/**
 * The text with the schema mayfly exposed and the functions added. Comments and everything else stay.
 *
 * @throws Failure if it is not TOML, has functions with the same names, or cannot be edited safely.
 */
export function editConfig(text: string, functions: FunctionEntry[]): ConfigEdit {
  const before = read(text);
  const wanted = plain(before);
  const changes: string[] = [];

  const api = tableIn(wanted, "api");
  const schemas = Array.isArray(api.schemas) ? (api.schemas as unknown[]) : defaultSchemas;
  if (!schemas.includes("mayfly")) {
    api.schemas = [...schemas, "mayfly"];
    changes.push("[api] schemas: mayfly");
  }
  const missing: FunctionEntry[] = [];
  const entries = tableIn(wanted, "functions");
  for (const entry of functions) {
    const present = entries[entry.name] as Table | undefined;
    if (present && isOwn(present, entry)) {
      const settled = { ...present, ...settingsOf(entry) };
      if (isDeepStrictEqual(settled, present)) continue;
      entries[entry.name] = settled;
    } else if (present) {
      throw new Failure(`supabase/config.toml already has another function ${entry.name}.`, {
        hint: "Mayfly has a function of this name too. Give Mayfly's functions a prefix: mayfly init --prefix mayfly-",
      });
    } else missing.push(entry);
    changes.push(`[functions.${entry.name}]`);
  }
  if (changes.length === 0) return { text, changes };

  if (Object.keys(entries).length === 0) delete wanted.functions;
  const patched = isDeepStrictEqual(wanted, plain(before)) ? text : patch(text, wanted);
  const edited = append(patched, missing);
  for (const entry of missing) tableIn(wanted, "functions")[entry.name] = settingsOf(entry);
  prove(text, edited, wanted, changes);
  return { text: edited, changes };
}

/** The text without entries that Mayfly's functions have under other names, such as an old prefix. */
export function withoutOthers(text: string, functions: FunctionEntry[]): string {
  const wanted = plain(read(text));
  const entries = tableIn(wanted, "functions");
  const names = new Set(functions.map(({ name }) => name));
  const others = Object.keys(entries).filter(
    (name) => !names.has(name) && isMayflys(entries[name] as Table),
  );
  if (others.length === 0) return text;
  for (const name of others) delete entries[name];
  if (Object.keys(entries).length === 0) delete wanted.functions;
  return patch(text, wanted);
}

const isMayflys = ({ entrypoint }: Table) =>
  typeof entrypoint === "string" && /^(\.\/)?mayfly\/functions\//.test(entrypoint);

/** The text without the exposed schema and the functions that `editConfig` added. */
export function withoutMayfly(text: string): ConfigEdit {
  const before = read(text);
  const wanted = plain(before);
  const changes: string[] = [];
  const api = tableIn(wanted, "api");
  if (Array.isArray(api.schemas) && api.schemas.includes("mayfly")) {
    api.schemas = (api.schemas as unknown[]).filter((schema) => schema !== "mayfly");
    changes.push("[api] schemas");
  }
  const entries = tableIn(wanted, "functions");
  for (const [name, entry] of Object.entries(entries)) {
    if (!isMayflys(entry as Table)) continue;
    delete entries[name];
    changes.push(`[functions.${name}]`);
  }
  if (Object.keys(entries).length === 0) delete wanted.functions;
  if (Object.keys(api).length === 0) delete wanted.api;
  if (changes.length === 0) return { text, changes };
  const edited = `${patch(text, wanted).replace(reason, "").trimEnd()}\n`;
  prove(text.replace(reason, ""), edited, wanted, changes);
  return { text: edited, changes };
}

/**
 * Whether an entry is ours. If it has another entrypoint, or none, it is for a function of the
 * project's own.
 */
const isOwn = (present: Table, { entrypoint }: FunctionEntry) =>
  typeof present.entrypoint === "string" &&
  present.entrypoint.replace(/^\.\//, "") === entrypoint.replace(/^\.\//, "");

const settingsOf = ({ entrypoint, importMap }: FunctionEntry): Table => ({
  entrypoint,
  import_map: importMap,
  verify_jwt: false,
});

function append(text: string, missing: FunctionEntry[]): string {
  if (missing.length === 0) return text;
  const lines = missing.flatMap((entry) => [
    "",
    `[functions.${entry.name}]`,
    ...Object.entries(settingsOf(entry)).map(
      ([name, value]) => `${name} = ${JSON.stringify(value)}`,
    ),
  ]);
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const start = text === "" || text.endsWith("\n") ? text : text + end;
  return start + ["", reason, ...lines.slice(1), ""].join(end);
}

/** Throws if the edited text means anything other than intended, or has lost a comment. */
function prove(before: string, after: string, wanted: Table, changes: string[]): void {
  let proven = false;
  try {
    proven =
      isDeepStrictEqual(plain(parse(after) as Table), plain(wanted)) &&
      commentsOf(before).every((comment) => after.includes(comment));
  } catch {
    // The edited text is no longer valid TOML.
  }
  if (proven) return;
  throw new Failure("mayfly init cannot edit this supabase/config.toml safely.", {
    hint: `Add this by hand, then run mayfly init again: ${changes.join(", ")}.`,
  });
}

const commentsOf = (text: string) => [...text.matchAll(/#[^\r\n]*/g)].map(([comment]) => comment);

function read(text: string): Table {
  try {
    return parse(text) as Table;
  } catch (error) {
    const [line = ""] = toFailure(error).message.split("\n");
    throw new Failure(`supabase/config.toml is not valid TOML: ${line}`);
  }
}

/** A copy in plain objects, to compare the content. */
const plain = (table: Table): Table => JSON.parse(JSON.stringify(table)) as Table;

function tableIn(parent: Table, name: string): Table {
  const known = parent[name];
  if (typeof known === "object" && known !== null) return known as Table;
  const made: Table = {};
  parent[name] = made;
  return made;
}
