/** supabase-js's calls of Storage, one by one: local/COMPATIBILITY.md has the verdicts. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { silent } from "#harness/log";
import { createStorage } from "../../../local/src/storage/index.ts";
import { createTokens } from "../../../local/src/tokens.ts";
import { type Verdict, verdictsOf } from "../calls.ts";

let local: TestLocal;
let admin: SupabaseClient;
/** Ada and Ben may do what they like in folders of their own names, in the bucket `own`. */
let ada: SupabaseClient;
let ben: SupabaseClient;
let nobody: SupabaseClient;

const auth = { persistSession: false, autoRefreshToken: false };

beforeAll(async () => {
  local = await startTestLocal();
  const { sign } = await createTokens(local.keys);
  const as = async (sub: string) => {
    const token = await sign({
      role: "authenticated",
      sub,
      exp: Math.floor(Date.now() / 1e3) + 600,
    });
    const options = { accessToken: async () => token };
    return createClient(local.apiUrl, local.publishableKey, options);
  };
  admin = createClient(local.apiUrl, local.secretKey, { auth });
  nobody = createClient(local.apiUrl, local.publishableKey, { auth });
  [ada, ben] = await Promise.all([as("ada"), as("ben")]);
  const { error } = await admin.storage.createBucket("own", {
    public: false,
    fileSizeLimit: "1KB",
    allowedMimeTypes: ["text/*", "image/png"],
  });
  expect(error).toBeNull();
  expect((await admin.storage.createBucket("open", { public: true })).error).toBeNull();
  // As postgres, which owns neither table: as hosted, it may make policies and nothing else.
  const { default: postgres } = await import("postgres");
  const owner = postgres(local.dbUrl, { max: 1, onnotice: () => {} });
  await owner.unsafe(`
    create policy own_folder on storage.objects for all to authenticated
      using (bucket_id = 'own' and (storage.foldername(name))[1] = auth.jwt() ->> 'sub')`);
  const changed = await owner
    .unsafe("alter table storage.objects add column mine text")
    .catch((problem: Error) => problem.message);
  expect(changed).toBe("must be owner of table objects");
  await owner.end();
});
afterAll(() => local?.close());

const own = (client: SupabaseClient) => client.storage.from("own");
const put = async (client: SupabaseClient, path: string, text = path) =>
  expect((await own(client).upload(path, text, { contentType: "text/plain" })).error).toBeNull();
const textOf = async (client: SupabaseClient, path: string) =>
  (await own(client).download(path)).data?.text();
const notSeen = { message: "Object not found", code: "NoSuchKey", statusCode: "404", status: 400 };
const refused = {
  message: "new row violates row-level security policy",
  code: "AccessDenied",
  statusCode: "403",
};

const calls: Record<string, () => Promise<Verdict>> = {
  async "createBucket, getBucket, listBuckets"() {
    const { storage } = admin;
    expect(await storage.createBucket("new")).toEqual({ data: { name: "new" }, error: null });
    const twice = await storage.createBucket("new");
    expect(twice.error).toMatchObject({ code: "BucketAlreadyExists", statusCode: "409" });
    const named = await storage.createBucket("a/b");
    expect(named.error).toMatchObject({
      code: "InvalidBucketName",
      message: "Bucket name invalid",
    });
    expect((await storage.getBucket("own")).data).toMatchObject({
      ...{ id: "own", name: "own", public: false, file_size_limit: 1000 },
      allowed_mime_types: ["text/*", "image/png"],
    });
    const found = await storage.listBuckets({ search: "n", limit: 2, sortColumn: "name" });
    expect(found.data?.map((each) => each.id)).toEqual(["new", "open"]);
    expect((await ada.storage.createBucket("hers")).error).toMatchObject(refused);
    expect((await ada.storage.listBuckets()).data).toEqual([]);
    expect((await ada.storage.getBucket("own")).error?.message).toBe("Bucket not found");
    return "works";
  },
  async updateBucket() {
    const change = { public: true, fileSizeLimit: 7, allowedMimeTypes: ["image/*"] };
    expect((await admin.storage.updateBucket("new", change)).error).toBeNull();
    expect((await admin.storage.getBucket("new")).data).toMatchObject({
      ...{ public: true, file_size_limit: 7, allowed_mime_types: ["image/*"] },
    });
    const none = await admin.storage.updateBucket("none", { public: true });
    expect(none.error).toMatchObject({ code: "NoSuchBucket" });
    return "works";
  },
  async "emptyBucket, deleteBucket"() {
    await admin.storage.updateBucket("new", { public: true, allowedMimeTypes: null });
    await admin.storage.from("new").upload("a.txt", "x");
    const full = await admin.storage.deleteBucket("new");
    expect(full.error).toMatchObject({ code: "ResourceNotEmpty", statusCode: "409" });
    expect((await admin.storage.emptyBucket("new")).error).toBeNull();
    expect((await admin.storage.from("new").list()).data).toEqual([]);
    expect((await admin.storage.deleteBucket("new")).error).toBeNull();
    expect((await admin.storage.getBucket("new")).error).toMatchObject({ code: "NoSuchBucket" });
    return "works";
  },
  async "upload of text, bytes, Blob, File, FormData, a stream"() {
    const form = new FormData();
    form.append("", new File(["form"], "f.txt", { type: "text/plain" }));
    const bodies = {
      text: "text",
      bytes: new TextEncoder().encode("bytes"),
      buffer: new TextEncoder().encode("buffer").buffer as ArrayBuffer,
      blob: new Blob(["blob"], { type: "text/plain" }),
      file: new File(["file"], "f.txt", { type: "text/plain" }),
      form,
      stream: new Blob(["stream"]).stream(),
    };
    for (const [name, body] of Object.entries(bodies)) {
      const { data, error } = await own(ada).upload(`ada/up/${name}`, body);
      expect(error, name).toBeNull();
      expect(data).toMatchObject({ path: `ada/up/${name}`, fullPath: `own/ada/up/${name}` });
      expect(await textOf(ada, `ada/up/${name}`)).toBe(name);
    }
    return "works";
  },
  async "upload again, and with upsert"() {
    await put(ada, "ada/again", "one");
    const again = await own(ada).upload("ada/again", "two");
    expect(again.error).toMatchObject({
      ...{ code: "KeyAlreadyExists", message: "The resource already exists", statusCode: "409" },
    });
    const over = await own(ada).upload("ada/again", "three", { upsert: true });
    expect(over.error).toBeNull();
    expect(await textOf(ada, "ada/again")).toBe("three");
    return "works";
  },
  async "upload where a policy refuses it"() {
    expect((await own(ben).upload("ada/from-ben", "x")).error).toMatchObject(refused);
    expect((await own(nobody).upload("ada/from-nobody", "x")).error).toMatchObject(refused);
    const over = await own(ben).upload("ada/again", "ben", { upsert: true });
    expect(over.error).toMatchObject(refused);
    expect(await textOf(ada, "ada/again")).toBe("three");
    return "works";
  },
  async "limits of size and type"() {
    const large = "x".repeat(1001);
    const tooLarge = { code: "EntityTooLarge", statusCode: "413" };
    expect((await own(ada).upload("ada/large", large)).error).toMatchObject(tooLarge);
    const blob = await own(ada).upload("ada/large", new Blob([large], { type: "text/plain" }));
    expect(blob.error).toMatchObject(tooLarge);
    expect((await own(ada).upload("ada/fits", "x".repeat(1000))).error).toBeNull();
    const typed = await own(ada).upload("ada/typed", "x", { contentType: "image/jpeg" });
    expect(typed.error).toMatchObject({
      ...{ code: "InvalidMimeType", message: "mime type image/jpeg is not supported" },
    });
    expect((await own(ada).upload("ada/ü", "x")).error).toMatchObject({
      ...{ code: "InvalidKey", message: "Invalid key: ada/ü" },
    });
    return "works";
  },
  async update() {
    expect((await own(ada).update("ada/again", "four")).error).toBeNull();
    expect(await textOf(ada, "ada/again")).toBe("four");
    expect((await own(ben).update("ada/again", "ben")).error).toMatchObject(refused);
    return "works";
  },
  async "download, asStream"() {
    await put(ada, "ada/my file's.txt", "words");
    expect(await textOf(ada, "ada/my file's.txt")).toBe("words");
    const { data } = await own(ada).download("ada/my file's.txt").asStream();
    expect(await new Response(data).text()).toBe("words");
    expect((await own(ben).download("ada/my file's.txt")).error).toMatchObject({ status: 400 });
    const none = await nobody.storage.from("none").download("a");
    expect(none.error).toMatchObject({ status: 400 });
    return "works";
  },
  async "download of a part (Range), If-None-Match"() {
    const url = `${local.apiUrl}/storage/v1/object/own/ada/my file's.txt`;
    const ask = (headers: Record<string, string>) =>
      fetch(url, { headers: { apikey: local.secretKey, ...headers } });
    const part = await ask({ range: "bytes=1-3" });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 1-3/5"]);
    expect(await part.text()).toBe("ord");
    expect(await (await ask({ range: "bytes=-2" })).text()).toBe("ds");
    expect((await ask({ range: "bytes=9-" })).status).toBe(400);
    const etag = part.headers.get("etag") ?? "";
    expect((await ask({ "if-none-match": etag })).status).toBe(304);
    return "works";
  },
  async "info, exists"() {
    const options = { metadata: { a: 1 }, contentType: "text/markdown", cacheControl: "60" };
    await own(ada).upload("ada/told", "12345", options);
    expect((await own(ada).info("ada/told")).data).toMatchObject({
      ...{ name: "ada/told", bucketId: "own", size: 5, contentType: "text/markdown" },
      ...{
        cacheControl: "max-age=60",
        metadata: { a: 1 },
        etag: expect.stringMatching(/^"\w{32}"$/),
      },
    });
    expect((await own(ada).exists("ada/told")).data).toBe(true);
    expect((await own(ben).info("ada/told")).error).toMatchObject(notSeen);
    expect((await own(ben).exists("ada/told")).data).toBe(false);
    return "works";
  },
  async list() {
    for (const path of ["b.txt", "sub/one", "sub/two", "A.txt"]) await put(ada, `ada/list/${path}`);
    const names = async (...given: Parameters<ReturnType<typeof own>["list"]>) =>
      (await own(ada).list(...given)).data?.map((each) => `${each.name}${each.id ? "" : "/"}`);
    expect(await names("ada/list")).toEqual(["A.txt", "b.txt", "sub/"]);
    expect(await names("ada/list", { limit: 1, offset: 1 })).toEqual(["b.txt"]);
    expect(await names("ada/list", { search: "s" })).toEqual(["sub/"]);
    const sortBy = { column: "created_at", order: "desc" };
    expect(await names("ada/list", { sortBy })).toEqual(["sub/", "A.txt", "b.txt"]);
    expect((await own(ada).list("ada/list/sub")).data?.[0]).toMatchObject({
      ...{ name: "one", metadata: { size: 16, mimetype: "text/plain" } },
    });
    expect((await own(ben).list("ada")).data).toEqual([]);
    return "works";
  },
  async listV2() {
    const { data: first } = await own(ada).listV2({ prefix: "ada/list/", limit: 3 });
    expect(first?.objects.map((each) => each.name)).toEqual(
      ["A.txt", "b.txt", "sub/one"].map((name) => `ada/list/${name}`),
    );
    const cursor = first?.nextCursor ?? "";
    const { data: rest } = await own(ada).listV2({ prefix: "ada/list/", limit: 3, cursor });
    expect(rest).toMatchObject({ hasNext: false, objects: [{ name: "ada/list/sub/two" }] });
    const folders = { prefix: "ada/list/", with_delimiter: true };
    expect((await own(ada).listV2(folders)).data).toMatchObject({
      ...{ folders: [{ name: "ada/list/sub/" }], objects: [{}, {}] },
    });
    return "works";
  },
  async remove() {
    await put(ada, "ada/gone");
    expect((await own(ben).remove(["ada/gone"])).data).toEqual([]);
    const { data } = await own(ada).remove(["ada/gone", "ada/never"]);
    expect(data?.map((each) => each.name)).toEqual(["ada/gone"]);
    expect((await own(ada).exists("ada/gone")).data).toBe(false);
    return "works";
  },
  async move() {
    await put(ada, "ada/from", "moved");
    expect((await own(ben).move("ada/from", "ben/to")).error).toMatchObject(notSeen);
    expect((await own(ada).move("ada/from", "ben/to")).error).toMatchObject(refused);
    expect((await own(ada).move("ada/from", "ada/to")).data?.message).toBe("Successfully moved");
    expect(await textOf(ada, "ada/to")).toBe("moved");
    expect((await own(ada).exists("ada/from")).data).toBe(false);
    const over = await own(ada).move("ada/to", "ada/again");
    expect(over.error).toMatchObject({ statusCode: "409" });
    const elsewhere = { destinationBucket: "open" };
    expect((await own(admin).move("ada/to", "ada/to", elsewhere)).error).toBeNull();
    return "works";
  },
  async copy() {
    const { data } = await own(ada).copy("ada/told", "ada/copied");
    expect(data).toEqual({ path: "own/ada/copied" });
    expect((await own(ada).info("ada/copied")).data).toMatchObject({ size: 5, metadata: { a: 1 } });
    expect((await own(ben).copy("ada/told", "ben/copied")).error).toMatchObject(notSeen);
    await own(ada).remove(["ada/told"]);
    expect(await textOf(ada, "ada/copied")).toBe("12345");
    return "works";
  },
  async "createSignedUrl, createSignedUrls"() {
    await put(ada, "ada/signed", "signed");
    const { data } = await own(ada).createSignedUrl("ada/signed", 60, { download: "its name.txt" });
    const answer = await fetch(data?.signedUrl ?? "");
    expect(await answer.text()).toBe("signed");
    expect(answer.headers.get("content-disposition")).toContain("its%20name.txt");
    const other = (data?.signedUrl ?? "").replace("ada/signed", "ada/again");
    expect(await (await fetch(other)).json()).toMatchObject({ code: "InvalidSignature" });
    const { data: brief } = await own(ada).createSignedUrl("ada/signed", 1);
    const token = new URL(brief?.signedUrl ?? "").searchParams.get("token") ?? "";
    const asBearer = { apikey: local.publishableKey, authorization: `Bearer ${token}` };
    const refusal = await fetch(`${local.apiUrl}/storage/v1/bucket`, { headers: asBearer });
    expect(await refusal.json()).toMatchObject({ code: "AccessDenied" });
    const { data: several } = await own(ada).createSignedUrls(["ada/signed", "ben/none"], 60);
    expect(several?.map((each) => each.error === null)).toEqual([true, false]);
    expect((await own(ben).createSignedUrl("ada/signed", 60)).error).toMatchObject(notSeen);
    return "works";
  },
  async "createSignedUploadUrl, uploadToSignedUrl"() {
    const { data } = await own(ada).createSignedUploadUrl("ada/handed");
    if (!data) throw new Error("There is no URL.");
    const once = await own(nobody).uploadToSignedUrl("ada/handed", data.token, "by nobody");
    expect(once.error).toBeNull();
    expect(await textOf(ada, "ada/handed")).toBe("by nobody");
    const twice = await own(nobody).uploadToSignedUrl("ada/handed", data.token, "again");
    expect(twice.error).toMatchObject({ code: "KeyAlreadyExists" });
    const elsewhere = await own(nobody).uploadToSignedUrl("ben/x", data.token, "x");
    expect(elsewhere.error).toMatchObject({ code: "InvalidSignature" });
    expect((await own(ben).createSignedUploadUrl("ada/x")).error).toMatchObject(refused);
    return "works";
  },
  async getPublicUrl() {
    await admin.storage.from("open").upload("page.html", "<b>", { contentType: "text/html" });
    const { data } = nobody.storage.from("open").getPublicUrl("page.html", { download: true });
    const answer = await fetch(data.publicUrl);
    expect([await answer.text(), answer.headers.get("content-type")]).toEqual([
      "<b>",
      "text/plain",
    ]);
    expect(answer.headers.get("content-disposition")).toBe("attachment;");
    const hidden = nobody.storage.from("own").getPublicUrl("ada/signed").data.publicUrl;
    expect(await (await fetch(hidden)).json()).toMatchObject({ code: "NoSuchBucket" });
    return "works";
  },
  async toBase64() {
    expect(own(ada).toBase64("a")).toBe("YQ==");
    return "works";
  },
  async "storage.foldername, filename, extension, operation in policies"() {
    const [row] = await local.sql`
      select storage.foldername('a/b/c.d.txt') as folders, storage.filename('a/b/c.d.txt') as file,
        storage.extension('a/b/c.d.txt') as extension`;
    expect(row).toEqual({
      folders: ["a", "b"],
      file: "c.d.txt",
      extension: "txt",
    });
    await local.sql.unsafe(`create policy uploads on storage.objects for insert to anon
      with check (storage.allow_only_operation('object.upload'))`);
    expect((await own(nobody).upload("any/thing", "x")).error).toBeNull();
    expect((await own(nobody).createSignedUploadUrl("any/more")).error).toMatchObject(refused);
    return "works";
  },
  async "delete from storage.objects in SQL"() {
    const message = await local.sql`delete from storage.objects`.catch((error) => error.message);
    expect(message).toContain("Use the Storage API instead");
    return "says no";
  },
  async "transform of images"() {
    const options = { transform: { width: 10 } };
    expect((await own(ada).download("ada/signed", options)).error).toMatchObject({ status: 400 });
    return "says no";
  },
  async "purgeCache, purgeBucketCache"() {
    const { error } = await own(admin).purgeCache("ada/signed");
    expect(error).toMatchObject({ code: "FeatureNotEnabled" });
    expect((await admin.storage.purgeBucketCache("own")).error).toMatchObject({ status: 400 });
    return "says no";
  },
  async "getBucketLifecycle, updateBucketLifecycle, deleteBucketLifecycle"() {
    expect((await admin.storage.getBucketLifecycle("own")).error).toMatchObject({ status: 404 });
    const change = await admin.storage.updateBucketLifecycle("own", { rules: [] } as never);
    expect(change.error).toMatchObject({ status: 404 });
    expect((await admin.storage.deleteBucketLifecycle("own")).error).toMatchObject({ status: 404 });
    return "says no";
  },
  async "versions of objects (versionId, listVersions)"() {
    // Of one object there is one version: an older one is not found under any id.
    const before = (await own(ada).info("ada/signed")).data?.version ?? "";
    await own(ada).update("ada/signed", "later");
    const options = { versionId: before };
    const { data } = await own(ada).download("ada/signed", options);
    expect(await data?.text()).toBe("later");
    return "differs";
  },
  async "vectors.*, analytics.*"() {
    const { error } = await admin.storage.vectors.listBuckets();
    expect(error).toMatchObject({ status: 404 });
    expect((await admin.storage.analytics.listBuckets()).error).toMatchObject({ status: 404 });
    return "says no";
  },
};

const verdicts = await verdictsOf("Storage");

test("every call of the table is tried, and supabase-js has no other", () => {
  expect(Object.keys(calls)).toEqual(Object.keys(verdicts));
  const named = Object.keys(calls).join(" ");
  const client = admin.storage;
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
  const [row] = await local.sql<{ version: string }[]>`select version from storage.objects limit 1`;
  await writeFile(join(folder, row?.version ?? ""), "kept");
  await writeFile(join(folder, crypto.randomUUID()), "left by a crash");
  const storage = await createStorage({
    databaseUrl: local.dbUrl.replace("//postgres:", "//authenticator:"),
    ...{ folder, sweep: true, maxBytes: 1, keys: local.keys, log: silent },
    tokens: await createTokens(local.keys),
  });
  expect(await readdir(folder)).toEqual([row?.version]);
  await storage.close();
  await rm(folder, { recursive: true });
});
