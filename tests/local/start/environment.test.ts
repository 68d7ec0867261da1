/** The environment variables of functions. */
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { functionsEnvironment } from "../../../local/src/environment.ts";
import { createTokens } from "../../../local/src/tokens.ts";

let local: TestLocal;
beforeAll(async () => {
  local = await startTestLocal({ embedded: true });
});
afterAll(() => local.close());

test("functions also have the legacy keys under their usual names", async () => {
  const { apiUrl, dbUrl, keys } = local;
  const env = await functionsEnvironment(apiUrl, dbUrl, keys, await createTokens(keys));
  const options = { auth: { persistSession: false, autoRefreshToken: false } };
  const anon = createClient(env.SUPABASE_URL ?? "", env.SUPABASE_ANON_KEY ?? "", options);
  const service = createClient(
    env.SUPABASE_URL ?? "",
    env.SUPABASE_SERVICE_ROLE_KEY ?? "",
    options,
  );
  expect((await anon.auth.admin.listUsers()).error?.status).toBe(403);
  expect((await service.auth.admin.listUsers()).error).toBeNull();
  expect(
    (await anon.auth.signUp({ email: "a@example.com", password: "secret-12" })).error,
  ).toBeNull();
});
