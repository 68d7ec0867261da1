import { callFunction, type MayflyClient } from "./call.ts";
import type { HybridClock } from "./clock.ts";
import type { Result } from "./errors.ts";
import type { SyncAnswer } from "./memory.ts";
import type { Operation } from "./schemas.ts";

/** An HTTP date has whole seconds, and servers keep its text for a while: Node's was 116 ms late. */
const dateSpanMs = 2_000;

interface SyncBody {
  push?: Operation[];
  since?: string | null;
  limit?: number;
}

/** Calls `POST /sync`; each answer tells the clock what time it is there. */
export async function callSync(
  client: MayflyClient,
  clock: HybridClock,
  body: SyncBody,
): Promise<Result<SyncAnswer>> {
  const sentAt = Date.now();
  const answer = await callFunction<SyncAnswer>(client, "sync", body, "POST", {}, (response) => {
    const date = Date.parse(response.headers.get("date") ?? "");
    clock.learn(date, date + dateSpanMs, sentAt);
  });
  if (answer.error?.code === "clock_ahead") {
    const { server_ms: serverMs } = answer.error.details as { server_ms: number };
    clock.setBack(serverMs, sentAt);
  }
  return answer;
}
