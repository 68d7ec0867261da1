import { type Answer, codeOf } from "./probe.ts";

/** The edge functions of Mayfly. */
export const functionNames = ["spawn", "sync", "query"] as const;

/** Whether a GET was answered by one of them: none offers it, and each says so in its envelope. */
export const isOurs = (answer: Answer): boolean =>
  answer.status === 405 && codeOf(answer) === "method_not_allowed";

/** The version that it was deployed with. */
export const versionOf = ({ headers }: Answer): string | null => headers.get("x-mayfly-version");
