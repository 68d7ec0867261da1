/** The calls about existing objects. */
import { expect } from "vitest";
import type { Verdict } from "../calls.ts";
import { notSeen, own, put, refused, textOf, who } from "./people.ts";

type Calls = Record<string, () => Promise<Verdict>>;

export const objects: Calls = {
  async update() {
    expect((await own(who.ada).update("ada/again", "four")).error).toBeNull();
    expect(await textOf(who.ada, "ada/again")).toBe("four");
    expect((await own(who.ben).update("ada/again", "ben")).error).toMatchObject(refused);
    return "works";
  },
  async "download, asStream"() {
    await put(who.ada, "ada/my file's.txt", "words");
    expect(await textOf(who.ada, "ada/my file's.txt")).toBe("words");
    const { data } = await own(who.ada).download("ada/my file's.txt").asStream();
    expect(await new Response(data).text()).toBe("words");
    expect((await own(who.ben).download("ada/my file's.txt")).error).toMatchObject({ status: 400 });
    const none = await who.nobody.storage.from("none").download("a");
    expect(none.error).toMatchObject({ status: 400 });
    return "works";
  },
  async "download of a part (Range), If-None-Match"() {
    const url = `${who.local.apiUrl}/storage/v1/object/own/ada/my file's.txt`;
    const ask = (headers: Record<string, string>) =>
      fetch(url, { headers: { apikey: who.local.secretKey, ...headers } });
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
    await own(who.ada).upload("ada/told", "12345", options);
    expect((await own(who.ada).info("ada/told")).data).toMatchObject({
      ...{ name: "ada/told", bucketId: "own", size: 5, contentType: "text/markdown" },
      ...{
        cacheControl: "max-age=60",
        metadata: { a: 1 },
        etag: expect.stringMatching(/^"\w{32}"$/),
      },
    });
    expect((await own(who.ada).exists("ada/told")).data).toBe(true);
    expect((await own(who.ben).info("ada/told")).error).toMatchObject(notSeen);
    expect((await own(who.ben).exists("ada/told")).data).toBe(false);
    return "works";
  },
  async list() {
    for (const path of ["b.txt", "sub/one", "sub/two", "A.txt"])
      await put(who.ada, `ada/list/${path}`);
    const names = async (...given: Parameters<ReturnType<typeof own>["list"]>) =>
      (await own(who.ada).list(...given)).data?.map((each) => `${each.name}${each.id ? "" : "/"}`);
    expect(await names("ada/list")).toEqual(["A.txt", "b.txt", "sub/"]);
    expect(await names("ada/list", { limit: 1, offset: 1 })).toEqual(["b.txt"]);
    expect(await names("ada/list", { search: "s" })).toEqual(["sub/"]);
    const sortBy = { column: "created_at", order: "desc" };
    expect(await names("ada/list", { sortBy })).toEqual(["sub/", "A.txt", "b.txt"]);
    expect((await own(who.ada).list("ada/list/sub")).data?.[0]).toMatchObject({
      ...{ name: "one", metadata: { size: 16, mimetype: "text/plain" } },
    });
    expect((await own(who.ben).list("ada")).data).toEqual([]);
    return "works";
  },
  async listV2() {
    const { data: first } = await own(who.ada).listV2({ prefix: "ada/list/", limit: 3 });
    expect(first?.objects.map((each) => each.name)).toEqual(
      ["A.txt", "b.txt", "sub/one"].map((name) => `ada/list/${name}`),
    );
    const cursor = first?.nextCursor ?? "";
    const { data: rest } = await own(who.ada).listV2({ prefix: "ada/list/", limit: 3, cursor });
    expect(rest).toMatchObject({ hasNext: false, objects: [{ name: "ada/list/sub/two" }] });
    const folders = { prefix: "ada/list/", with_delimiter: true };
    expect((await own(who.ada).listV2(folders)).data).toMatchObject({
      ...{ folders: [{ name: "ada/list/sub/" }], objects: [{}, {}] },
    });
    return "works";
  },
  async remove() {
    await put(who.ada, "ada/gone");
    expect((await own(who.ben).remove(["ada/gone"])).data).toEqual([]);
    const { data } = await own(who.ada).remove(["ada/gone", "ada/never"]);
    expect(data?.map((each) => each.name)).toEqual(["ada/gone"]);
    expect((await own(who.ada).exists("ada/gone")).data).toBe(false);
    return "works";
  },
  async move() {
    await put(who.ada, "ada/from", "moved");
    expect((await own(who.ben).move("ada/from", "ben/to")).error).toMatchObject(notSeen);
    expect((await own(who.ada).move("ada/from", "ben/to")).error).toMatchObject(refused);
    expect((await own(who.ada).move("ada/from", "ada/to")).data?.message).toBe(
      "Successfully moved",
    );
    expect(await textOf(who.ada, "ada/to")).toBe("moved");
    expect((await own(who.ada).exists("ada/from")).data).toBe(false);
    const over = await own(who.ada).move("ada/to", "ada/again");
    expect(over.error).toMatchObject({ statusCode: "409" });
    const elsewhere = { destinationBucket: "open" };
    expect((await own(who.admin).move("ada/to", "ada/to", elsewhere)).error).toBeNull();
    return "works";
  },
  async copy() {
    const { data } = await own(who.ada).copy("ada/told", "ada/copied");
    expect(data).toEqual({ path: "own/ada/copied" });
    expect((await own(who.ada).info("ada/copied")).data).toMatchObject({
      size: 5,
      metadata: { a: 1 },
    });
    expect((await own(who.ben).copy("ada/told", "ben/copied")).error).toMatchObject(notSeen);
    await own(who.ada).remove(["ada/told"]);
    expect(await textOf(who.ada, "ada/copied")).toBe("12345");
    return "works";
  },
};
