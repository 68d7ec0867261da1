/** The packed SDK next to each version of supabase-js that it supports, with the application's own client. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { olderClients } from "#harness/needs";
import { command, installPacked, type Packed, root } from "./packed.ts";

let packed: Packed;
let local: TestLocal;
beforeAll(async () => {
  [packed, local] = await Promise.all([installPacked(), startTestLocal()]);
  await local.sql`update mayfly_private.settings set tenants_created_by = 'signed_in'`;
});
afterAll(async () => {
  await local?.close();
  await packed?.remove();
});

const newest = { version: "the pinned one", modules: join(root, "node_modules") };
const clients = [...olderClients, newest].filter(({ modules }) => modules);

/** A person who signs up with the application's client, and uses everything live. */
const program = (url: string, key: string, email: string) => `
  import { createClient } from "@supabase/supabase-js";
  import { Mayfly } from "@mayfly/sdk";
  const [url, key] = ${JSON.stringify([url, key])};
  const supabase = createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } });
  const signedUp = await supabase.auth.signUp({ email: "${email}", password: "correct horse" });
  if (signedUp.error) throw signedUp.error;
  const door = new Mayfly({ url, key, client: supabase });
  const { data: tenant, error: refused } = await door.tenants.ensure("mine");
  if (refused) throw refused;
  const mayfly = new Mayfly({ url, key, client: supabase, tenant: tenant.id });
  let heard = () => {};
  const learned = new Promise<void>((resolve) => { heard = resolve; });
  const { error: unwatched } = await mayfly.log.watch({ types: ["memory.*"] }, heard);
  if (unwatched) throw unwatched;
  const { data: agent, error } = await mayfly.spawn({ name: "beside" });
  if (error) throw error;
  const { error: hidden } = await agent.presence.track({ status: "here" });
  await agent.remember({ task: "Rotate the key" });
  const { data: synced } = await agent.sync();
  await learned;
  const { data: recalled } = await agent.recall("rotate");
  const { data: stopped } = await agent.stop();
  await mayfly.close();
  await door.close();
  console.log(JSON.stringify([hidden, synced?.pushed, recalled?.results.length, stopped?.agent.status]));
`;

describe.each(clients)("beside supabase-js $version", ({ version, modules }) => {
  let file: string;
  let folder: string;
  beforeAll(async () => {
    folder = await packed.beside(version.replaceAll(" ", "-"), modules ?? "");
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    file = join(folder, "program.ts");
    const email = `client-${version.replaceAll(/\W/g, "-")}@example.com`;
    await writeFile(file, program(local.apiUrl, local.publishableKey, email));
  });

  it("accepts the application's client by its type", async () => {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const options =
      "--noEmit --strict --skipLibCheck --module nodenext --target es2024 --checkers 1".split(" ");
    const types = ["--types", "node", "--typeRoots", join(root, "node_modules/@types")];
    const found = await command(process.execPath, [tsc, ...options, ...types, file], {
      cwd: folder,
    }).then(
      () => "",
      (error: { stdout: string }) => error.stdout,
    );
    expect(found).toBe("");
  });

  it("works live as its person, and lets the process exit", async () => {
    const { stdout, stderr } = await command(process.execPath, [file], { cwd: folder });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual([null, 1, 1, "stopped"]);
  });
});
