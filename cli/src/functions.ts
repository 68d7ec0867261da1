import type { Connection } from "./connection.ts";
import { type Answer, codeOf, probe } from "./probe.ts";

/** The edge functions of Mayfly. */
export const functionNames = ["spawn", "sync", "query"] as const;

/** What `mayfly init --prefix` accepts. Names of functions stay valid, and a prefix ends with - or _. */
export const prefixForm = /^[a-z][a-z0-9_-]{0,30}[-_]$/;

/** Calls a function with a token that the platform does not know, because verify_jwt would accept an API key. */
export const askFunction = (connection: Connection, name: string): Promise<Answer> =>
  probe(connection, `/functions/v1/${installedName(connection, name)}`, { anonymous: true });

/** The name a function has in this project. */
export const installedName = ({ functionsPrefix = "" }: Connection, name: string): string =>
  `${functionsPrefix}${name}`;

/** Whether one of our functions answered a GET. None offers it, and each says so in its envelope. */
export const isOurs = (answer: Answer): boolean =>
  answer.status === 405 && codeOf(answer) === "method_not_allowed";

/** The version in which it was deployed. */
export const versionOf = ({ headers }: Answer): string | null => headers.get("x-mayfly-version");
