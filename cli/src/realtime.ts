import { disconnect } from "@mayfly/sdk/internal";
import { createClient } from "@supabase/supabase-js";
import type { Connection } from "./connection.ts";

/** Much longer than the 5 s that Realtime takes to refuse a join. */
const timeoutMs = 15_000;

/**
 * Joins a private topic and leaves it again.
 *
 * @param token used instead of the secret key.
 * @returns why the topic could not be joined, or null if it was joined.
 */
export async function privateJoin(
  { url, key }: Pick<Connection, "url" | "key">,
  topic: string,
  token?: string,
): Promise<{ problem: string | null; ms: number }> {
  const started = performance.now();
  const client = createClient(url, key, {
    ...(token === undefined
      ? { auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false } }
      : { accessToken: async () => token }),
  });
  const channel = client.channel(topic, { config: { private: true } });
  try {
    // The first private join must already have the token, because a refusal without one takes 5 s.
    await client.realtime.setAuth();
    const problem = await new Promise<string | null>((resolve) => {
      const timer = setTimeout(() => resolve(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
      channel.subscribe((status, error) => {
        clearTimeout(timer);
        resolve(status === "SUBSCRIBED" ? null : (error?.message ?? status.toLowerCase()));
      });
    });
    return { problem, ms: Math.round(performance.now() - started) };
  } finally {
    await client.removeAllChannels();
    await disconnect(client);
  }
}
