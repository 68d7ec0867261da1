/** The calls about buckets and uploads. */
import { expect } from "vitest";
import type { Verdict } from "../calls.ts";
import { own, put, refused, textOf, who } from "./people.ts";

type Calls = Record<string, () => Promise<Verdict>>;

export const uploads: Calls = {
  async "createBucket, getBucket, listBuckets"() {
    const { storage } = who.admin;
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
    expect((await who.ada.storage.createBucket("hers")).error).toMatchObject(refused);
    expect((await who.ada.storage.listBuckets()).data).toEqual([]);
    expect((await who.ada.storage.getBucket("own")).error?.message).toBe("Bucket not found");
    return "works";
  },
  async updateBucket() {
    const change = { public: true, fileSizeLimit: 7, allowedMimeTypes: ["image/*"] };
    expect((await who.admin.storage.updateBucket("new", change)).error).toBeNull();
    expect((await who.admin.storage.getBucket("new")).data).toMatchObject({
      ...{ public: true, file_size_limit: 7, allowed_mime_types: ["image/*"] },
    });
    const none = await who.admin.storage.updateBucket("none", { public: true });
    expect(none.error).toMatchObject({ code: "NoSuchBucket" });
    return "works";
  },
  async "emptyBucket, deleteBucket"() {
    await who.admin.storage.updateBucket("new", { public: true, allowedMimeTypes: null });
    await who.admin.storage.from("new").upload("a.txt", "x");
    const full = await who.admin.storage.deleteBucket("new");
    expect(full.error).toMatchObject({ code: "ResourceNotEmpty", statusCode: "409" });
    expect((await who.admin.storage.emptyBucket("new")).error).toBeNull();
    expect((await who.admin.storage.from("new").list()).data).toEqual([]);
    expect((await who.admin.storage.deleteBucket("new")).error).toBeNull();
    expect((await who.admin.storage.getBucket("new")).error).toMatchObject({
      code: "NoSuchBucket",
    });
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
      const { data, error } = await own(who.ada).upload(`ada/up/${name}`, body);
      expect(error, name).toBeNull();
      expect(data).toMatchObject({ path: `ada/up/${name}`, fullPath: `own/ada/up/${name}` });
      expect(await textOf(who.ada, `ada/up/${name}`)).toBe(name);
    }
    return "works";
  },
  async "upload again, and with upsert"() {
    await put(who.ada, "ada/again", "one");
    const again = await own(who.ada).upload("ada/again", "two");
    expect(again.error).toMatchObject({
      ...{ code: "KeyAlreadyExists", message: "The resource already exists", statusCode: "409" },
    });
    const over = await own(who.ada).upload("ada/again", "three", { upsert: true });
    expect(over.error).toBeNull();
    expect(await textOf(who.ada, "ada/again")).toBe("three");
    return "works";
  },
  async "upload where a policy refuses it"() {
    expect((await own(who.ben).upload("ada/from-ben", "x")).error).toMatchObject(refused);
    expect((await own(who.nobody).upload("ada/from-nobody", "x")).error).toMatchObject(refused);
    const over = await own(who.ben).upload("ada/again", "ben", { upsert: true });
    expect(over.error).toMatchObject(refused);
    expect(await textOf(who.ada, "ada/again")).toBe("three");
    return "works";
  },
  async "limits of size and type"() {
    const large = "x".repeat(1001);
    const tooLarge = { code: "EntityTooLarge", statusCode: "413" };
    expect((await own(who.ada).upload("ada/large", large)).error).toMatchObject(tooLarge);
    const blob = await own(who.ada).upload("ada/large", new Blob([large], { type: "text/plain" }));
    expect(blob.error).toMatchObject(tooLarge);
    expect((await own(who.ada).upload("ada/fits", "x".repeat(1000))).error).toBeNull();
    const typed = await own(who.ada).upload("ada/typed", "x", { contentType: "image/jpeg" });
    expect(typed.error).toMatchObject({
      ...{ code: "InvalidMimeType", message: "mime type image/jpeg is not supported" },
    });
    expect((await own(who.ada).upload("ada/ü", "x")).error).toMatchObject({
      ...{ code: "InvalidKey", message: "Invalid key: ada/ü" },
    });
    return "works";
  },
};
