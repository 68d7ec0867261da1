import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, expect } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { type RunOptions, runCli } from "./run.ts";

export let local: TestLocal;
export let tenant: string;
export let mayfly: Mayfly;
export let folder: string;

export function setUp(): void {
  beforeAll(async () => {
    local = await startTestLocal();
    folder = await mkdtemp(join(tmpdir(), "mayfly-cli-"));
    const { data } = await secret().tenants.create({ name: "the first" });
    tenant = data?.id ?? "";
    mayfly = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant });
  });
  afterAll(async () => {
    await mayfly.close();
    await local.close();
    await rm(folder, { recursive: true, force: true });
  });
}

export const secret = () => new Mayfly({ url: local.apiUrl, key: local.secretKey });
export const environment = (more: Record<string, string> = {}): RunOptions => ({
  cwd: folder,
  env: { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey, MAYFLY_TENANT: tenant, ...more },
});
export const run = (...words: string[]) => runCli(words, environment());
export const json = async <T = Record<string, never>>(...words: string[]): Promise<T> => {
  const { code, out, err } = await run(...words, "--json");
  expect(err).toBe("");
  expect(code, out).toBe(0);
  return JSON.parse(out) as T;
};
