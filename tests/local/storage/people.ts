/** The callers that try Storage. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import postgres from "postgres";
import { afterAll, beforeAll, expect } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { createTokens } from "../../../local/src/tokens.ts";

interface Who {
  local: TestLocal;
  admin: SupabaseClient;
  /** Ada and Ben can do everything in folders with their own names, in the bucket `own`. */
  ada: SupabaseClient;
  ben: SupabaseClient;
  nobody: SupabaseClient;
}

export const who = {} as Who;

const auth = { persistSession: false, autoRefreshToken: false };

export function setUp(): void {
  beforeAll(async () => {
    who.local = await startTestLocal({ embedded: true });
    const { sign } = await createTokens(who.local.keys);
    const as = async (sub: string) => {
      const token = await sign({
        role: "authenticated",
        sub,
        exp: Math.floor(Date.now() / 1e3) + 600,
      });
      const options = { accessToken: async () => token };
      return createClient(who.local.apiUrl, who.local.publishableKey, options);
    };
    who.admin = createClient(who.local.apiUrl, who.local.secretKey, { auth });
    who.nobody = createClient(who.local.apiUrl, who.local.publishableKey, { auth });
    [who.ada, who.ben] = await Promise.all([as("ada"), as("ben")]);
    const { error } = await who.admin.storage.createBucket("own", {
      public: false,
      fileSizeLimit: "1KB",
      allowedMimeTypes: ["text/*", "image/png"],
    });
    expect(error).toBeNull();
    expect((await who.admin.storage.createBucket("open", { public: true })).error).toBeNull();
    // Run as `postgres`, which owns neither table. It can only create policies on them, as on a hosted project.
    const owner = postgres(who.local.dbUrl, { max: 1, onnotice: () => {} });
    await owner.unsafe(`
    create policy own_folder on storage.objects for all to authenticated
      using (bucket_id = 'own' and (storage.foldername(name))[1] = auth.jwt() ->> 'sub')`);
    const changed = await owner
      .unsafe("alter table storage.objects add column mine text")
      .catch((problem: Error) => problem.message);
    expect(changed).toBe("must be owner of table objects");
    await owner.end();
  });
  afterAll(() => who.local?.close());
}

export const own = (client: SupabaseClient) => client.storage.from("own");
export const put = async (client: SupabaseClient, path: string, text = path) =>
  expect((await own(client).upload(path, text, { contentType: "text/plain" })).error).toBeNull();
export const textOf = async (client: SupabaseClient, path: string) =>
  (await own(client).download(path)).data?.text();
export const notSeen = {
  message: "Object not found",
  code: "NoSuchKey",
  statusCode: "404",
  status: 400,
};
export const refused = {
  message: "new row violates row-level security policy",
  code: "AccessDenied",
  statusCode: "403",
};
