import type { Connection } from "./connection.ts";
import { type Answer, codeOf, probe } from "./probe.ts";

/** The edge functions of Mayfly. */
export const functionNames = ["spawn", "sync", "query"] as const;

/** The prefixes that `mayfly init --prefix` accepts. They end with - or _, and keep function names valid. */
export const prefixForm = /^[a-z][a-z0-9_-]{0,30}[-_]$/;

/**
 * Calls a function without any key. With a legacy API key, the call would succeed even if verify_jwt
 * is on by mistake.
 */
export const askFunction = (connection: Connection, name: string): Promise<Answer> =>
  probe(connection, `/functions/v1/${installedName(connection, name)}`, { anonymous: true });

/** The name a function has in this project. */
export const installedName = ({ functionsPrefix = "" }: Connection, name: string): string =>
  `${functionsPrefix}${name}`;

/**
 * Whether one of our functions answered a GET. All of our functions refuse a GET, with an error in
 * Mayfly's envelope.
 */
export const isOurs = (answer: Answer): boolean =>
  answer.status === 405 && codeOf(answer) === "method_not_allowed";

/** The deployed version of the function that answered. */
export const versionOf = ({ headers }: Answer): string | null => headers.get("x-mayfly-version");
