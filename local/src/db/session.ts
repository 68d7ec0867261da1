import type { Inspection } from "./inspect.ts";
import { identifier, literal } from "./protocol.ts";

export const SUPERUSER = "supabase_admin";
/**
 * Settings that are not stored like the others: the arbiter stores the role and the session
 * authorization itself, and the backend derives `is_superuser`.
 */
const OWN = new Set(["session_authorization", "is_superuser", "role"]);

/**
 * The session of a wire client, kept while other clients use the backend. Settings have three
 * layers: those of ALTER ROLE/DATABASE … SET, those of the startup packet, and those that the
 * client has set since.
 */
export class Session {
  readonly user: string;
  roleSettings = new Map<string, string>();
  startup = new Map<string, string>();
  settings = new Map<string, string>();
  role = "none";
  /**
   * The user that SET SESSION AUTHORIZATION has chosen, which only a superuser can do. Otherwise
   * `user`.
   */
  authorization: string;
  /** SQL-level PREPAREs by name, to be repeated at the client's next turn. */
  prepared = new Map<string, string>();
  /**
   * The role that prepared each of them, because another role might lack rights to what the statement
   * names.
   */
  preparedAs = new Map<string, string>();
  /** Protocol-level statements by the client's name, each with the backend's name. */
  statements = new Map<string, { real: string; inspection: Inspection | undefined }>();
  /** The Parse message of the unnamed statement, to be sent again after another client's turn. */
  unnamed: { parse: Buffer; inspection: Inspection | undefined } | undefined;
  /**
   * The custom settings that this client has named. They are noted because pg_settings does not list
   * them.
   */
  customNames = new Set<string>();
  /** Whether the backend's settings may differ from `settings`. */
  dirty = false;
  /** Whether the backend may have lost the client's own defaults (RESET). */
  stale = false;
  /**
   * Whether the session may hold something that cannot be carried over, such as a temporary table (see
   * the arbiter). Once that is certain, `pinned` is set.
   */
  suspect = false;
  pinned = false;
  /** Whether a session-level advisory lock may be held. */
  locks = false;

  constructor(user: string) {
    this.user = user;
    this.authorization = user;
  }

  get isSuperuser(): boolean {
    return this.user === SUPERUSER;
  }

  /** Notes what a statement may do to the session, before it runs. */
  note(inspection: Inspection): void {
    this.dirty ||= inspection.settings || inspection.prepares.length > 0;
    this.stale ||= inspection.resets;
    this.suspect ||= inspection.residue;
    this.locks ||= inspection.residue;
    for (const name of inspection.names) this.customNames.add(name);
    for (const { name, text } of inspection.prepares) {
      this.prepared.set(name, text);
      this.preparedAs.delete(name);
    }
  }

  /** Stores the result of `captureSql`. */
  captured(found: (string | null)[][]): void {
    this.settings.clear();
    const kept = new Set<string>();
    for (const [kind, name, value] of found) {
      if (name === null || name === undefined) continue;
      if (kind === "prepared") kept.add(name);
      else if (kind === "role") this.role = name;
      else if (kind === "authorization") this.authorization = name;
      else if (typeof value === "string" && !OWN.has(name)) this.settings.set(name, value);
    }
    for (const name of this.prepared.keys()) {
      if (!kept.has(name)) this.prepared.delete(name);
      else if (!this.preparedAs.has(name)) this.preparedAs.set(name, this.role);
    }
    this.dirty = false;
  }
}

/**
 * Reads what `Session.captured` needs. This takes 3 ms, mostly for pg_settings, so it runs only
 * when needed.
 */
export function captureSql(session: Session): string {
  const custom = [...session.customNames].map(
    (name) =>
      ` union all select 'setting', ${literal(name)}, pg_catalog.current_setting(${literal(name)}, true)`,
  );
  return `select 'setting', name, setting from pg_catalog.pg_settings where source = 'session'
    union all select 'role', pg_catalog.current_setting('role'), null
    union all select 'authorization', session_user::text, null
    union all select 'prepared', name, null from pg_catalog.pg_prepared_statements where from_sql
    ${custom.join("")}`;
}

const assign = (settings: Iterable<[string, string]>): string => {
  const calls = [...settings].map(
    ([name, value]) => `pg_catalog.set_config(${literal(name)}, ${literal(value)}, false)`,
  );
  return calls.length === 0 ? "" : `select ${calls.join(", ")};`;
};

/**
 * Clears everything that the last client left. It uses only utility statements, which take 0.03 ms
 * each. A SELECT would take 0.1 ms, and the client's search_path could change what it means.
 * `previous` says what else to clear.
 */
export function clearSql(previous: Session | undefined): string {
  const unlock = previous?.locks === true ? "select pg_catalog.pg_advisory_unlock_all();" : "";
  const forget = [...(previous?.prepared.keys() ?? [])]
    .map((name) => `deallocate ${identifier(name)};`)
    .join("");
  return `set session authorization ${SUPERUSER}; set role none; reset all; close all;
    discard temp; discard sequences; ${unlock} ${forget}`;
}

/** Restores the client's own session. Runs after `clearSql`, in the same transaction. */
export function restoreSql(session: Session, withPrepared = true): string {
  const own = new Map([...session.startup, ...session.settings]);
  for (const [name, value] of session.roleSettings) {
    if (own.get(name) === value) own.delete(name);
  }
  const prepared = withPrepared ? [...session.prepared] : [];
  const prepares = prepared.map(([name, text]) => {
    const role = session.preparedAs.get(name) ?? "none";
    return `set role ${role === "none" ? "none" : identifier(role)}; ${text};`;
  });
  const role = session.role === "none" ? "set role none;" : `set role ${identifier(session.role)};`;
  return `${assign(session.roleSettings)}
    set session authorization ${identifier(session.authorization)};
    ${assign(own)} ${prepares.join("")} ${role}`;
}

/** For a client that has reset settings: restores its own defaults, and keeps everything else. */
export function refreshSql(session: Session): string {
  return `set session authorization ${SUPERUSER}; set role none; ${restoreSql(session, false)}`;
}

/**
 * The settings of ALTER DATABASE … SET and ALTER ROLE … SET, the more specific last. The database's
 * owner is a client, so its settings for everybody (a role, read-only transactions) must not apply
 * to the superuser that this program uses. For the superuser they go back to Postgres's defaults.
 */
export function roleSettingsSql(user: string): string {
  const setting =
    user === SUPERUSER
      ? `case when d.setrole <> 0 then s.setting else (select p.name || '=' || p.boot_val
          from pg_catalog.pg_settings as p where p.name = pg_catalog.split_part(s.setting, '=', 1)) end`
      : "s.setting";
  return `select found.setting from pg_catalog.pg_db_role_setting as d
      cross join lateral pg_catalog.unnest(d.setconfig) as s(setting)
      cross join lateral (select ${setting} as setting) as found
    where d.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = 'postgres'))
      and d.setrole in (0, (select oid from pg_catalog.pg_roles where rolname = ${literal(user)}))
      and found.setting is not null
    order by d.setrole <> 0, d.setdatabase <> 0`;
}

/**
 * Splits `name=value` settings. `role` is separate, and settings that a client may not set are
 * dropped.
 */
export function settingsOf(entries: Iterable<string>): {
  settings: Map<string, string>;
  role: string | undefined;
} {
  const settings = new Map<string, string>();
  let role: string | undefined;
  for (const entry of entries) {
    const at = entry.indexOf("=");
    const name = entry.slice(0, at).trim().toLowerCase().replaceAll("-", "_");
    if (name === "role") role = entry.slice(at + 1);
    else if (at > 0 && !OWN.has(name)) settings.set(name, entry.slice(at + 1));
  }
  return { settings, role };
}
