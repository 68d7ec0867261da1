import type { Connection } from "./connection.ts";
import { checkPublicChannels } from "./doctor-neighbours.ts";
import { type Finding, fine, skipped, wrong } from "./finding.ts";
import { privateJoin } from "./realtime.ts";

/**
 * Whether a private topic of Realtime can be joined at all: tried with the secret key.
 *
 * @param accepted whether the project accepts the key.
 */
export async function checkRealtime(connection: Connection, accepted: boolean): Promise<Finding[]> {
  if (!accepted) return [skipped("realtime", "Skipped until the key is fixed.")];
  const { problem } = await privateJoin(connection, "mayfly:doctor");
  if (problem === null)
    return [
      fine("realtime", "A private channel can be joined."),
      await checkPublicChannels(connection),
    ];
  return [
    wrong(
      "realtime",
      `A private channel cannot be joined: ${problem}.`,
      "Enable Realtime (Realtime → Settings), and allow WebSockets in your network",
    ),
  ];
}
