/** Tries each Storage call of supabase-js that local/COMPATIBILITY.md lists, with the result that it states. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silent } from "#harness/log";
import { createStorage } from "../../../local/src/storage/index.ts";
import { createTokens } from "../../../local/src/tokens.ts";
import { verdictsOf } from "../calls.ts";
import { objects } from "./objects.ts";
import { setUp, who } from "./people.ts";
import { uploads } from "./uploads.ts";
import { urls } from "./urls.ts";

setUp();

const calls = { ...uploads, ...objects, ...urls };
const verdicts = await verdictsOf("Storage");

test("every call of the table is tried, and supabase-js has no other", () => {
  expect(Object.keys(calls)).toEqual(Object.keys(verdicts));
  const named = Object.keys(calls).join(" ");
  const client = who.admin.storage;
  for (const part of [client, client.from("own")])
    for (
      let at = Object.getPrototypeOf(part);
      at !== Object.prototype;
      at = Object.getPrototypeOf(at)
    )
      for (const name of Object.getOwnPropertyNames(at))
        if (
          /^[a-z]/.test(name) &&
          !/^(constructor|from|throwOnError|setHeader|handleOperation)$/.test(name)
        )
          if (!inside.test(name)) expect(named).toContain(name);
});
/** Private to supabase-js. */
const inside =
  /^(uploadOrUpdate|prepareUploadFormData|encodeMetadata|applyTransformOptsToQuery|bucketLifecycleUrl|listBucketOptionsToQueryString)$/;

test.each(Object.entries(verdicts))("%s: %s", async (call, verdict) => {
  expect(await calls[call]?.()).toBe(verdict);
});

test("a file that no object names is removed at the start, and the others stay", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-"));
  const [row] = await who.local.sql<
    { version: string }[]
  >`select version from storage.objects limit 1`;
  await writeFile(join(folder, row?.version ?? ""), "kept");
  await writeFile(join(folder, crypto.randomUUID()), "left by a crash");
  const storage = await createStorage({
    databaseUrl: who.local.dbUrl.replace("//postgres:", "//authenticator:"),
    ...{ folder, sweep: true, maxBytes: 1, keys: who.local.keys, log: silent },
    tokens: await createTokens(who.local.keys),
  });
  expect(await readdir(folder)).toEqual([row?.version]);
  await storage.close();
  await rm(folder, { recursive: true });
});
