import type { Connection } from "./connection.ts";
import { type Finding, fine, wrong } from "./finding.ts";
import { privateJoin } from "./realtime.ts";

/** Whether a private channel can be joined at all: with the secret key. */
export async function checkRealtime(connection: Connection): Promise<Finding[]> {
  const { problem } = await privateJoin(connection, "mayfly:doctor");
  if (problem === null) return [fine("realtime", "A private channel can be joined.")];
  return [
    wrong(
      "realtime",
      `A private channel cannot be joined: ${problem}.`,
      "Enable Realtime (Realtime → Settings), and let the network pass WebSockets",
    ),
  ];
}
