import { holdPrefix } from "./hold-prefix.ts";
import type { PgError } from "./protocol.ts";
import { identifier } from "./protocol.ts";
import { type Statement, statements, type Token } from "./sql.ts";

/** What a statement does to a session that several clients share. */
export interface Inspection {
  /**
   * The text to run instead of the given one, if a statement in it would change the state of other
   * clients.
   */
  text?: string;
  refusal?: PgError;
  /**
   * Whether session settings may have changed, so that they have to be read before another client's
   * turn.
   */
  settings: boolean;
  /**
   * Whether settings may have been reset to the backend's defaults, although they should be reset to
   * the client's.
   */
  resets: boolean;
  /** The custom settings that the text names. They are noted because pg_settings does not list them. */
  names: string[];
  /** Whether there is a set_config whose name may be in a bound parameter. */
  namesInParameters: boolean;
  /** Whether the statement may leave behind a temporary table, a session lock or a held cursor. */
  residue: boolean;
  prepares: { name: string; text: string }[];
  listens: { on: boolean; channel: string | undefined }[];
  /** DEALLOCATE ALL or DISCARD ALL, which also removes the client's protocol-level statements. */
  dropsStatements: boolean;
  /** The command tag that a rewritten statement should have. */
  tag?: string;
}

const NOTHING: Inspection = {
  settings: false,
  resets: false,
  names: [],
  namesInParameters: false,
  residue: false,
  prepares: [],
  listens: [],
  dropsStatements: false,
};

const INTERESTING =
  /\b(?:set|reset|discard|prepare|deallocate|listen|unlisten|copy|temp|temporary|hold|do|call|set_config|pg_\w*advisory_lock\w*)\b/i;
const RESIDUE = /\b(?:temp|temporary|pg_temp|with\s+hold|pg_(?:try_)?advisory_lock(?:_shared)?)\b/i;
const CHANGES_SETTINGS = /\b(?:set|reset|set_config|execute)\b/i;
const LOCAL_SET_CONFIG = /set_config\s*\([^()]*,\s*(?:true|'t(?:rue)?')\s*\)/gi;
const CUSTOM_NAME = /'([a-z_][\w$]*(?:\.[a-z_][\w$]*)+)'/gi;
/**
 * An UNLISTEN with a channel that nobody uses, to run instead of a client's UNLISTEN. So the client
 * gets the same command tag, but the backend still listens for the other clients.
 */
const NO_CHANNEL = "unlisten mayfly_nobody_listens_here";
/** These replace DISCARD ALL and DEALLOCATE ALL, without the parts that would affect other clients. */
const DEALLOCATE_ALL = `do $mayfly$ declare names text[]; n text; begin
  select array_agg(name) into names from pg_catalog.pg_prepared_statements where from_sql;
  foreach n in array coalesce(names, '{}') loop execute format('deallocate %I', n); end loop;
  {more}
end $mayfly$`;
const DISCARD_ALL = DEALLOCATE_ALL.replace(
  "{more}",
  `execute 'set role none'; execute 'reset all'; execute 'discard temp';
  execute 'discard sequences'; perform pg_catalog.pg_advisory_unlock_all();`,
);

const COPY_REFUSED: PgError = {
  severity: "ERROR",
  sqlstate: "0A000",
  message: "COPY FROM STDIN is not supported by the embedded database",
  hint: "Use INSERT (pg_dump --inserts), or run on a real Postgres with --db-url.",
};

/** The error that hosted projects return. Here, only the Data API may prepare transactions. */
const PREPARE_REFUSED: PgError = {
  severity: "ERROR",
  sqlstate: "55000",
  message: "prepared transactions are disabled",
  hint: 'Set "max_prepared_transactions" to a nonzero value.',
};

const value = (token: Token | undefined): string => token?.value ?? "";

/** The name after SET [SESSION]: `search_path`, or `my.tenant`. */
function settingName(tokens: Token[]): string {
  const at = value(tokens[1]) === "session" ? 2 : 1;
  const parts = [value(tokens[at])];
  for (let i = at + 1; value(tokens[i]) === "."; i += 2) parts.push(value(tokens[i + 1]));
  return parts.join(".");
}

function copiesFromStdin(tokens: Token[]): boolean {
  return tokens.some((t, i) => t.value === "from" && value(tokens[i + 1]) === "stdin");
}

function inspectSetConfig(text: string, into: Inspection): void {
  const rest = text.replace(LOCAL_SET_CONFIG, "");
  if (!/set_config/i.test(rest)) return;
  into.settings = true;
  into.namesInParameters = /\$\d/.test(rest);
  for (const [, name] of rest.matchAll(CUSTOM_NAME)) if (name) into.names.push(name);
}

/**
 * Notes what a top-level statement does. If the statement has to be replaced by another one, returns the
 * other one.
 */
function inspectStatement(
  statement: Statement,
  text: string,
  into: Inspection,
  realName: (name: string) => string | undefined,
): string | undefined {
  const { tokens } = statement;
  const second = value(tokens[1]);
  switch (value(tokens[0])) {
    case "set": {
      if (["local", "transaction", "constraints"].includes(second)) return undefined;
      into.settings = true;
      const name = settingName(tokens);
      if (name.includes(".")) into.names.push(name);
      return undefined;
    }
    case "reset":
      into.settings = true;
      into.resets = true;
      return undefined;
    case "do":
    case "call":
      if (CHANGES_SETTINGS.test(text)) into.settings = true;
      for (const [, name] of text.matchAll(CUSTOM_NAME)) if (name) into.names.push(name);
      return undefined;
    case "discard":
      if (second !== "all") return undefined;
      into.settings = true;
      into.resets = true;
      into.dropsStatements = true;
      into.listens.push({ on: false, channel: undefined });
      into.tag = "DISCARD ALL";
      return DISCARD_ALL;
    case "deallocate": {
      into.settings = true;
      const target = second === "prepare" ? tokens[2] : tokens[1];
      if (target?.kind === "word" && target.value === "all") {
        into.dropsStatements = true;
        into.tag = "DEALLOCATE ALL";
        return DEALLOCATE_ALL.replace("{more}", "");
      }
      const real = realName(value(target));
      return real === undefined ? undefined : `deallocate ${identifier(real)}`;
    }
    case "prepare":
      if (second === "transaction") {
        const own = text.slice(statement.start).includes(`transaction '${holdPrefix}`);
        if (!own) into.refusal = PREPARE_REFUSED;
        return undefined;
      }
      into.prepares.push({ name: second, text: text.slice(statement.start, statement.end) });
      return undefined;
    case "listen":
      into.listens.push({ on: true, channel: second });
      return undefined;
    case "unlisten":
      into.listens.push({ on: false, channel: second === "*" ? undefined : second });
      return NO_CHANNEL;
    case "copy":
      if (copiesFromStdin(tokens)) into.refusal = COPY_REFUSED;
      return undefined;
  }
  return undefined;
}

/**
 * Inspects a text before it reaches the backend. `realName` returns the backend's name for a
 * client's protocol-level statement, for DEALLOCATE. Only the text is read, so settings that a
 * function changes are not seen. Such settings are lost when another client gets its turn, and never
 * reach that client.
 */
export function inspect(text: string, realName: (name: string) => string | undefined): Inspection {
  if (!INTERESTING.test(text)) return NOTHING;
  const found: Inspection = { ...NOTHING, names: [], prepares: [], listens: [] };
  found.residue = RESIDUE.test(text);
  inspectSetConfig(text, found);
  let rewritten = "";
  let copied = 0;
  const all = statements(text);
  for (const statement of all) {
    const replacement = inspectStatement(statement, text, found, realName);
    if (replacement === undefined) continue;
    rewritten += text.slice(copied, statement.start) + replacement;
    copied = statement.end;
  }
  if (copied > 0) found.text = rewritten + text.slice(copied);
  if (all.length > 1) delete found.tag;
  return found;
}
