import { startupSettings } from "./auth.ts";
import type { Backend } from "./backend.ts";
import type { Client } from "./client.ts";
import {
  firstError,
  IDLE,
  int32,
  literal,
  message,
  parameterStatus,
  query,
  readyForQuery,
  rows,
} from "./protocol.ts";
import {
  clearSql,
  restoreSql,
  roleSettingsSql,
  Session,
  SUPERUSER,
  settingsOf,
} from "./session.ts";

/** What Postgres reports at login, besides the session user. */
const REPORTED = [
  "server_version",
  "server_encoding",
  "client_encoding",
  "application_name",
  "default_transaction_read_only",
  "in_hot_standby",
  "is_superuser",
  "DateStyle",
  "IntervalStyle",
  "TimeZone",
  "integer_datetimes",
  "standard_conforming_strings",
  "scram_iterations",
];

/**
 * Makes a session for a client whose password was correct, with the settings of its user and of its
 * startup packet. Then sends the client the messages that end a login. The backend stays set to that
 * session.
 */
export async function login(
  backend: Backend,
  client: Client,
  parameters: Map<string, string>,
  clear: string,
): Promise<Session | undefined> {
  const user = parameters.get("user") ?? "";
  const session = new Session(user);
  const found = await backend.run(query(roleSettingsSql(user)), query(clear));
  const ofRole = settingsOf(rows(found.body ?? Buffer.alloc(0)).map(([entry]) => entry ?? ""));
  const asked = settingsOf(startupSettings(parameters));
  session.roleSettings = ofRole.settings;
  session.startup = asked.settings;
  const kept = user === SUPERUSER ? undefined : ofRole.role;
  session.role = asked.role ?? kept ?? "none";
  const values = REPORTED.map((name) => `pg_catalog.current_setting(${literal(name)})`).join(", ");
  let answer = await backend.run(query(`select ${values}`), query(restoreSql(session)));
  if (!answer.body && asked.role === undefined && kept !== undefined) {
    // The role in the user's own settings may be forbidden or dropped. Then Postgres warns, and logs
    // the user in without it.
    await backend.run(query(clearSql(undefined)));
    session.role = "none";
    answer = await backend.run(query(`select ${values}`), query(restoreSql(session)));
  }
  const error = firstError(answer.prologue ?? Buffer.alloc(0));
  if (error || !answer.body) {
    client.fatal({
      sqlstate: error?.sqlstate ?? "XX000",
      message: error?.message ?? "login failed",
    });
    return undefined;
  }
  const reported = rows(answer.body)[0] ?? [];
  client.write([
    ...REPORTED.map((name, i) => parameterStatus(name, reported[i] ?? "")),
    parameterStatus("session_authorization", user),
    message("K", int32(client.pid), int32(client.secret)),
    readyForQuery(IDLE),
  ]);
  return session;
}
