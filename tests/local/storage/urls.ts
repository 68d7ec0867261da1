/** The calls about URLs, policies, and missing objects. */
import { expect } from "vitest";
import type { Verdict } from "../calls.ts";
import { notSeen, own, put, refused, textOf, who } from "./people.ts";

type Calls = Record<string, () => Promise<Verdict>>;

export const urls: Calls = {
  async "createSignedUrl, createSignedUrls"() {
    await put(who.ada, "ada/signed", "signed");
    const { data } = await own(who.ada).createSignedUrl("ada/signed", 60, {
      download: "its name.txt",
    });
    const answer = await fetch(data?.signedUrl ?? "");
    expect(await answer.text()).toBe("signed");
    expect(answer.headers.get("content-disposition")).toContain("its%20name.txt");
    const other = (data?.signedUrl ?? "").replace("ada/signed", "ada/again");
    expect(await (await fetch(other)).json()).toMatchObject({ code: "InvalidSignature" });
    const { data: brief } = await own(who.ada).createSignedUrl("ada/signed", 1);
    const token = new URL(brief?.signedUrl ?? "").searchParams.get("token") ?? "";
    const asBearer = { apikey: who.local.publishableKey, authorization: `Bearer ${token}` };
    const refusal = await fetch(`${who.local.apiUrl}/storage/v1/bucket`, { headers: asBearer });
    expect(await refusal.json()).toMatchObject({ code: "AccessDenied" });
    const { data: several } = await own(who.ada).createSignedUrls(["ada/signed", "ben/none"], 60);
    expect(several?.map((each) => each.error === null)).toEqual([true, false]);
    expect((await own(who.ben).createSignedUrl("ada/signed", 60)).error).toMatchObject(notSeen);
    return "works";
  },
  async "createSignedUploadUrl, uploadToSignedUrl"() {
    const { data } = await own(who.ada).createSignedUploadUrl("ada/handed");
    if (!data) throw new Error("There is no URL.");
    const once = await own(who.nobody).uploadToSignedUrl("ada/handed", data.token, "by nobody");
    expect(once.error).toBeNull();
    expect(await textOf(who.ada, "ada/handed")).toBe("by nobody");
    const twice = await own(who.nobody).uploadToSignedUrl("ada/handed", data.token, "again");
    expect(twice.error).toMatchObject({ code: "KeyAlreadyExists" });
    const elsewhere = await own(who.nobody).uploadToSignedUrl("ben/x", data.token, "x");
    expect(elsewhere.error).toMatchObject({ code: "InvalidSignature" });
    expect((await own(who.ben).createSignedUploadUrl("ada/x")).error).toMatchObject(refused);
    return "works";
  },
  async getPublicUrl() {
    await who.admin.storage.from("open").upload("page.html", "<b>", { contentType: "text/html" });
    const { data } = who.nobody.storage.from("open").getPublicUrl("page.html", { download: true });
    const answer = await fetch(data.publicUrl);
    expect([await answer.text(), answer.headers.get("content-type")]).toEqual([
      "<b>",
      "text/plain",
    ]);
    expect(answer.headers.get("content-disposition")).toBe("attachment;");
    const hidden = who.nobody.storage.from("own").getPublicUrl("ada/signed").data.publicUrl;
    expect(await (await fetch(hidden)).json()).toMatchObject({ code: "NoSuchBucket" });
    return "works";
  },
  async toBase64() {
    expect(own(who.ada).toBase64("a")).toBe("YQ==");
    return "works";
  },
  async "storage.foldername, filename, extension, operation in policies"() {
    const [row] = await who.local.sql`
      select storage.foldername('a/b/c.d.txt') as folders, storage.filename('a/b/c.d.txt') as file,
        storage.extension('a/b/c.d.txt') as extension`;
    expect(row).toEqual({
      folders: ["a", "b"],
      file: "c.d.txt",
      extension: "txt",
    });
    await who.local.sql.unsafe(`create policy uploads on storage.objects for insert to anon
      with check (storage.allow_only_operation('object.upload'))`);
    expect((await own(who.nobody).upload("any/thing", "x")).error).toBeNull();
    expect((await own(who.nobody).createSignedUploadUrl("any/more")).error).toMatchObject(refused);
    return "works";
  },
  async "delete from storage.objects in SQL"() {
    const message = await who.local.sql`delete from storage.objects`.catch(
      (error) => error.message,
    );
    expect(message).toContain("Use the Storage API instead");
    return "says no";
  },
  async "transform of images"() {
    const options = { transform: { width: 10 } };
    expect((await own(who.ada).download("ada/signed", options)).error).toMatchObject({
      status: 400,
    });
    return "says no";
  },
  async "purgeCache, purgeBucketCache"() {
    const { error } = await own(who.admin).purgeCache("ada/signed");
    expect(error).toMatchObject({ code: "FeatureNotEnabled" });
    expect((await who.admin.storage.purgeBucketCache("own")).error).toMatchObject({ status: 400 });
    return "says no";
  },
  async "getBucketLifecycle, updateBucketLifecycle, deleteBucketLifecycle"() {
    expect((await who.admin.storage.getBucketLifecycle("own")).error).toMatchObject({
      status: 404,
    });
    const change = await who.admin.storage.updateBucketLifecycle("own", { rules: [] } as never);
    expect(change.error).toMatchObject({ status: 404 });
    expect((await who.admin.storage.deleteBucketLifecycle("own")).error).toMatchObject({
      status: 404,
    });
    return "says no";
  },
  async "versions of objects (versionId, listVersions)"() {
    // An object has only one version, so an older one is not found by any id.
    const before = (await own(who.ada).info("ada/signed")).data?.version ?? "";
    await own(who.ada).update("ada/signed", "later");
    const options = { versionId: before };
    const { data } = await own(who.ada).download("ada/signed", options);
    expect(await data?.text()).toBe("later");
    return "differs";
  },
  async "vectors, analytics"() {
    const { error } = await who.admin.storage.vectors.listBuckets();
    expect(error).toMatchObject({ status: 404 });
    expect((await who.admin.storage.analytics.listBuckets()).error).toMatchObject({ status: 404 });
    return "says no";
  },
};
