import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { takeOver } from "../db/harness.ts";

let local: TestLocal;
let data: string;
const crash = Promise.withResolvers<Error>();
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "mayfly-health-"));
  local = await startTestLocal({ data, onCrash: crash.resolve });
});
afterAll(async () => {
  await local?.close();
  await rm(data, { recursive: true, force: true });
});

interface Told {
  status: string;
  parts: Record<string, { state: string; version?: string; pgvector?: string }>;
}
async function health(): Promise<{ status: number; body: Told }> {
  const response = await fetch(`${local.apiUrl}/health`);
  return { status: response.status, body: (await response.json()) as Told };
}

it("/health reports each part's state and version", async () => {
  const { status, body } = await health();
  expect(status).toBe(200);
  expect(body.status).toBe("ok");
  const versions = Object.entries(body.parts).map(([part, told]) => [part, told.version]);
  expect(Object.fromEntries(versions)).toEqual({
    database: expect.stringMatching(/^17\./),
    api: expect.stringMatching(/^@supabase\/lite \d/),
    auth: expect.stringMatching(/^@supabase\/lite \d/),
    realtime: expect.stringMatching(/^2\.\d+\.\d+$/),
    storage: expect.stringMatching(/^1\.\d+\.\d+$/),
    functions: expect.stringMatching(/^2\.\d+\.\d+$/),
  });
  expect(body.parts.database?.pgvector).toMatch(/^0\.8/);
  expect(new Set(Object.values(body.parts).map(({ state }) => state))).toEqual(new Set(["ok"]));
});

it("a browser may read every answer, refusals included", async () => {
  const paths = ["rest/v1/none", "auth/v1/user", "functions/v1/sync", "functions/v1/none"];
  for (const path of [
    ...paths,
    "realtime/v1/api/broadcast",
    "realtime/v1/none",
    "storage/v1/object/none/a",
    "none",
  ]) {
    const response = await fetch(`${local.apiUrl}/${path}`, { method: "POST", body: "{}" });
    expect(response.status, path).toBeGreaterThanOrEqual(400);
    expect(response.headers.get("access-control-allow-origin"), path).toBe("*");
  }
});

it("/health returns 503 and names the part that is down after the database ended", async () => {
  const end = local.sql`select pg_sleep(300)`.catch((error: Error) => error);
  takeOver(join(data, "db"));
  expect((await crash.promise).message).toMatch(/taken over/);
  expect(await end).toBeInstanceOf(Error);
  const { status, body } = await health();
  expect(status).toBe(503);
  expect(body.status).toBe("down");
  expect(body.parts.database?.state).toBe("down");
  const response = await fetch(`${local.apiUrl}/rest/v1/agents`, {
    headers: { apikey: local.secretKey, "accept-profile": "mayfly" },
  });
  expect(response.status).toBe(503);
});
