import type { Connection } from "./connection.ts";
import { type Answer, codeOf, probe } from "./probe.ts";

/** The edge functions of Mayfly. */
export const functionNames = ["spawn", "sync", "query"] as const;

/** Asks one as a caller whose token the platform does not know: verify_jwt lets API keys pass. */
export const askFunction = (connection: Connection, name: string): Promise<Answer> =>
  probe(connection, `/functions/v1/${name}`, { anonymous: true });

/** Whether a GET was answered by one of them: none offers it, and each says so in its envelope. */
export const isOurs = (answer: Answer): boolean =>
  answer.status === 405 && codeOf(answer) === "method_not_allowed";

/** The version that it was deployed with. */
export const versionOf = ({ headers }: Answer): string | null => headers.get("x-mayfly-version");
