/** Agents that are stopped while everything breaks, and whose tokens are tried afterwards. */
import type { Serving } from "./stack.ts";

export interface Mortal {
  id: string;
  token: string;
  /** The server has said so; else it may live. */
  stopped: boolean;
}

interface Answer {
  data: { agent: { id: string }; token: string } | null;
}

/** Spawns one and stops it; null when the server could not be reached. */
export async function liveAndDie(serving: Serving, tenant: string): Promise<Mortal | null> {
  const headers = {
    apikey: serving.secretKey,
    "x-mayfly-tenant": tenant,
    "content-type": "application/json",
  };
  const ask = async (method: string, body: object) => {
    const response = await fetch(`${serving.apiUrl}/functions/v1/spawn`, {
      method,
      headers,
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    }).catch(() => undefined);
    return response?.ok ? ((await response.json().catch(() => null)) as Answer | null) : null;
  };
  const spawned = (await ask("POST", { lifetime: 600 }))?.data;
  if (!spawned) return null;
  const { agent, token } = spawned;
  const stopped = await ask("DELETE", { id: agent.id });
  return { id: agent.id, token, stopped: stopped !== null };
}

/** What a token still gets: rows of the Data API, and whether a function answers. */
export async function trialOf(serving: Serving, token: string, tries = 10): Promise<string> {
  const headers = { apikey: serving.publishableKey, authorization: `Bearer ${token}` };
  const rest = await fetch(`${serving.apiUrl}/rest/v1/memories?select=id&limit=1`, {
    headers: { ...headers, "accept-profile": "mayfly" },
  });
  const query = await fetch(`${serving.apiUrl}/functions/v1/query`, {
    method: "POST",
    headers,
    body: '{"query":"slot"}',
  });
  const failed = rest.status >= 500 || query.status >= 500;
  if (failed && tries > 1) return trialOf(serving, token, tries - 1);
  const rows = rest.status === 200 ? ((await rest.json()) as unknown[]).length : 0;
  return `${rows} rows, ${query.status}`;
}
