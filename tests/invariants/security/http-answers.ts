import {
  queryRequest,
  renewRequest,
  resumeRequest,
  spawnRequest,
  stopRequest,
  teamRequest,
} from "@mayfly/sdk/contract/schemas";
import { syncRequest } from "@mayfly/sdk/contract/sync-request";
import { afterAll, beforeAll } from "vitest";
import type { z } from "zod";
import { startTestLocal, type TestLocal } from "#harness/local";

export let local: TestLocal;
export let tenant: string;
export let victim: string;

export function setUp(): void {
  beforeAll(async () => {
    local = await startTestLocal();
    const limits = { writes_per_minute: 1_000_000, max_living_agents: 100_000 };
    ({ tenant } = await local.enter(limits));
    const other = await local.enter();
    victim = other.tenant;
    const { data: agent } = await other.mayfly.spawn({ name: "victim" });
    await agent?.remember({ task: "the secret plan" });
    await agent?.sync();
    await agent?.close();
  });
  afterAll(() => local.close());
}

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  ms: number;
}

export async function send(
  path: string,
  {
    body,
    method = "POST",
    headers = {},
  }: { body?: string; method?: string; headers?: object } = {},
): Promise<Answer> {
  const startedAt = performance.now();
  const response = await fetch(`${local.apiUrl}${path}`, {
    method,
    headers: {
      apikey: local.secretKey,
      "x-mayfly-tenant": tenant,
      "content-type": "application/json",
      "content-profile": "mayfly",
      ...headers,
    },
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  const { status, headers: answered } = response;
  return { status, headers: answered, text, ms: performance.now() - startedAt };
}

export const errorOf = ({ text }: Answer) =>
  (JSON.parse(text) as { error: { code: string } }).error;

export const bodies: [method: string, path: string, schema: z.ZodType][] = [
  ["POST", "/spawn", spawnRequest],
  ["POST", "/spawn/team", teamRequest],
  ["POST", "/spawn/renew", renewRequest],
  ["POST", "/spawn/resume", resumeRequest],
  ["DELETE", "/spawn", stopRequest],
  ["POST", "/sync", syncRequest],
  ["POST", "/query", queryRequest],
];
