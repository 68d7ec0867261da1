import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";

/** Says in a data folder that a project runs, as `npm start` does, so that programs find it. */
export async function announce(local: TestLocal, data: string): Promise<void> {
  const health = (await (await fetch(`${local.apiUrl}/health`)).json()) as { instance: string };
  const { apiUrl, dbUrl, jwksUrl, studioUrl, publishableKey, secretKey } = local;
  const urls = { apiUrl, dbUrl, jwksUrl, studioUrl };
  const running = { pid: process.pid, ...health, ...urls, publishableKey, secretKey };
  await mkdir(data, { recursive: true });
  await writeFile(join(data, "running.json"), JSON.stringify(running));
}

/** A project that runs during a block of tests, for the programs with this data folder. */
export function runProject(data: () => string): void {
  let local: TestLocal;
  beforeAll(async () => {
    local = await startTestLocal();
    await announce(local, data());
  });
  afterAll(async () => {
    await rm(join(data(), "running.json"));
    await local?.close();
  });
}
