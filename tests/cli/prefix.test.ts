/** In a project with functions of the same names, Mayfly's functions get a prefix, which all callers use. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { runCli } from "./run.ts";

let root: string;
let local: TestLocal | undefined;
const config = () => readFile(join(root, "supabase/config.toml"), "utf8");
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "mayfly-prefix-"));
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  await write("supabase/config.toml", "[functions.spawn]\nverify_jwt = false # theirs\n");
  await write("supabase/functions/spawn/index.ts", `Deno.serve(() => new Response("theirs"));`);
  await symlink(join(import.meta.dirname, "../../node_modules"), join(root, "node_modules"));
});
afterAll(async () => {
  await local?.close();
  await rm(root, { recursive: true, force: true });
});

it("mayfly init refuses equal names, and accepts a prefix", async () => {
  const refused = await runCli(["init", root, "--yes"]);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("--prefix mayfly-") });
  expect((await runCli(["init", root, "--yes", "--prefix", "no prefix"])).code).toBe(2);
  const other = await runCli(["init", root, "--yes", "--prefix", "agents_"]);
  expect(other.code, other.err).toBe(0);
  expect(await config()).toContain("[functions.agents_sync]");
  // A new prefix replaces the old one. Without a prefix, the last one is kept.
  const done = await runCli(["init", root, "--yes", "--prefix", "mayfly-"]);
  expect(done.out).toContain("functions deploy mayfly-spawn mayfly-sync mayfly-query");
  expect(await config()).toMatch(/\[functions\.spawn\]\nverify_jwt = false # theirs/);
  expect(await config()).not.toContain("agents_");
  expect((await runCli(["init", root, "--yes"])).out).toContain("already");
});

it("the SDK, its agents and the command line use the prefix", async () => {
  local = await startTestLocal({ root });
  const { tenant } = await local.enter();
  const { apiUrl: url, secretKey: key } = local;
  expect(await (await fetch(`${url}/functions/v1/spawn`)).text()).toBe("theirs");
  const mayfly = new Mayfly({ url, key, tenant, functionsPrefix: "mayfly-" });
  const { data: agent, error } = await mayfly.spawn({ name: "prefixed" });
  expect(error).toBeNull();
  await agent?.remember({ task: "Greet", output: "Say hello first." });
  expect((await agent?.sync())?.data).toMatchObject({ pushed: 1 });
  expect((await agent?.recall("greet"))?.data?.results[0]?.output).toBe("Say hello first.");
  await agent?.stop();
  await mayfly.close();

  const env = { MAYFLY_URL: url, MAYFLY_KEY: key, MAYFLY_TENANT: tenant };
  const doctor = await runCli(["doctor", "--json"], { cwd: root, env });
  const { findings } = JSON.parse(doctor.out) as { findings: { check: string; state: string }[] };
  expect(findings.filter(({ state }) => state === "error")).toEqual([]);
  expect(findings).toContainEqual(
    expect.objectContaining({ check: "function mayfly-spawn", state: "ok" }),
  );
  const spawned = await runCli(["spawn", "--json"], {
    cwd: tmpdir(),
    env: { ...env, MAYFLY_FUNCTIONS_PREFIX: "mayfly-" },
  });
  expect(spawned.code, spawned.out).toBe(0);
});
