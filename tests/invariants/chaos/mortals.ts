/** Agents that are stopped during the failures. Afterwards, their tokens are tried. */
import type { Serving } from "./stack.ts";

export interface Mortal {
  id: string;
  token: string;
  /** Whether the server has confirmed the stop. Otherwise the agent may still be alive. */
  stopped: boolean;
}

interface Answer {
  data: { agent: { id: string }; token: string } | null;
}

async function ask(serving: Serving, tenant: string, method: string, body: object) {
  const headers = {
    apikey: serving.secretKey,
    "x-mayfly-tenant": tenant,
    "content-type": "application/json",
  };
  const response = await fetch(`${serving.apiUrl}/functions/v1/spawn`, {
    method,
    headers,
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  }).catch(() => undefined);
  return response?.ok ? ((await response.json().catch(() => null)) as Answer | null) : null;
}

/** Spawns an agent. Null if the server could not be reached. */
export async function live(
  serving: Serving,
  tenant: string,
): Promise<Omit<Mortal, "stopped"> | null> {
  const spawned = (await ask(serving, tenant, "POST", { lifetime: 600 }))?.data;
  return spawned ? { id: spawned.agent.id, token: spawned.token } : null;
}

/** Spawns an agent and stops it. Null if it could not be spawned, because the server could not be reached. */
export async function liveAndDie(serving: Serving, tenant: string): Promise<Mortal | null> {
  const one = await live(serving, tenant);
  if (!one) return null;
  const stopped = await ask(serving, tenant, "DELETE", { id: one.id });
  return { ...one, stopped: stopped !== null };
}

/**
 * What a token can still do: how many rows the Data API returns, and the status with which a function
 * answers.
 */
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
