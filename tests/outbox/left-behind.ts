import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Agent, Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { dataOf } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";

export let local: TestLocal;
export let proxy: TestProxy;
export let folder: string;
export let tenant: string;

export function setUp(): void {
  beforeAll(async () => {
    local = await startTestLocal();
    proxy = await startProxy(local.apiUrl);
    folder = await mkdtemp(join(tmpdir(), "mayfly-outbox-"));
  });
  afterAll(async () => {
    await proxy?.close();
    await local?.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    ({ tenant } = await local.enter());
  });
}

export const mayflyOf = (options: { url?: string; storage?: string } = {}) =>
  new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant, ...options });

/** Ends an agent from outside, so that it can push nothing more. */
export async function leaveBehind(mayfly: Mayfly, agent: Agent): Promise<void> {
  dataOf(await mayfly.agents.stop(agent.id));
  expect((await agent.close()).error).toMatchObject({
    code: "not_pushed",
    details: { unsynced: 1 },
  });
}

export const rowsOf = async () =>
  [
    ...(await local.sql`select task, agent_id, pushed_by from mayfly.memories
      where tenant_id = ${tenant} and deleted_at is null order by id`),
  ] as unknown as { task: string; agent_id: string; pushed_by: string | null }[];
export const tasksOf = async () => (await rowsOf()).map(({ task }) => task);
export const eventsOf = async (type: string) =>
  (await local.sql`select from mayfly.events where tenant_id = ${tenant} and type = ${type}`)
    .length;

/** A process that remembers and syncs as its script says. It is killed when it prints a line. */
export async function killAt(line: string, script: string): Promise<string[]> {
  const sdk = new URL("../../sdk/src/index.ts", import.meta.url).href;
  const child = spawn(
    process.execPath,
    [
      "--input-type=module",
      "--eval",
      `const { Mayfly } = await import(${JSON.stringify(sdk)});
       const mayfly = new Mayfly(${JSON.stringify({ url: local.apiUrl, key: local.secretKey, tenant, storage: folder })});
       const { data: agent, error } = await mayfly.spawn({ name: "doomed", lifetime: 60 });
       if (error) throw error;
       console.log("agent " + agent.id);
       ${script}
       setInterval(() => {}, 1000);`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const lines: string[] = [];
  for await (const printed of createInterface({ input: child.stdout })) {
    lines.push(printed);
    if (printed === line) child.kill("SIGKILL");
  }
  await ended;
  return lines;
}
