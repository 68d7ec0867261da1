import { MayflyError } from "../contract/errors.ts";
import type { MayflyClient } from "./call.ts";
import { jittered } from "./jitter.ts";

/**
 * The pauses before realtime-js reconnects. Jitter is added, because clients that lost a server together
 * would also reconnect together.
 */
const stepsMs = [1_000, 2_000, 5_000, 10_000];
export const reconnectAfterMs = (tries: number) => jittered(stepsMs[tries - 1] ?? 10_000);

const answerMs = 5_000;
/**
 * Finds out why a client has no connection. A refused WebSocket gives no reason, but the same request without
 * an upgrade gets one.
 */
export async function whyUnconnected(client: MayflyClient): Promise<MayflyError> {
  const url = client.realtime.endpointURL().replace(/^ws/, "http");
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerMs) });
    const { error } = (await response.json().catch(() => ({}))) as { error?: unknown };
    if (typeof error === "string") return explain(error);
    return unconnected("Realtime could not be reached: the connection was lost.", null);
  } catch {
    return unconnected("Realtime could not be reached.", null);
  }
}

/** Whether Realtime refused something because of the plan's limits. */
export const isLimit = (reason: string) => /too many|rate ?limit|limit exceeded/i.test(reason);

/** The limit that Realtime's words refer to, with its value on Free and Pro. */
const limits: [RegExp, string][] = [
  [/connected users/i, "connections at once (200 on Free, 500 on Pro)"],
  [/joins per second/i, "joins per second (100 on Free, 500 on Pro)"],
  [/presence/i, "presence messages per second (20 on Free, 50 on Pro)"],
  [/messages per second/i, "messages per second (100 on Free, 500 on Pro)"],
  [/channels/i, "channels per connection (100)"],
];

/** A hint with the plan's limit that caused Realtime's refusal. */
export function hintOf(reason: string): string {
  const limit = limits.find(([said]) => said.test(reason))?.[1];
  if (limit && isLimit(reason))
    return `The project's plan allows no more ${limit}. The SDK tries again more slowly, and polls meanwhile.`;
  return "The SDK tries again.";
}

const explain = (reason: string) =>
  unconnected(`Realtime refused the connection: ${reason}.`, { reason }, hintOf(reason));

const unconnected = (
  message: string,
  details: { reason: string } | null,
  hint = "Check the URL and the network. The SDK tries again, and polls meanwhile.",
) => new MayflyError({ code: "unavailable", message, hint, details });
