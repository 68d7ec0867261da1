import { beforeEach, describe, expect, it } from "vitest";
import { db, full, project, send, setUp } from "./writing.ts";

setUp();

describe("upsert", () => {
  it("merges or ignores duplicates, by the key or by other columns", async () => {
    await db.from("parents").insert({ id: 1, name: "one" });
    const merged = await db.from("parents").upsert([
      { id: 1, name: "uno" },
      { id: 2, name: "dos" },
    ]);
    expect(merged).toMatchObject({ status: 201, error: null });
    expect((await db.from("parents").upsert({ id: 1, name: "eins" })).status).toBe(200);
    const named = await db
      .from("parents")
      .upsert({ id: 3, name: "dos" }, { onConflict: "name" })
      .select();
    expect(named.data).toEqual([{ id: 3, name: "dos" }]);
    const ignored = await db
      .from("parents")
      .upsert(
        [
          { id: 1, name: "x" },
          { id: 9, name: "nine" },
        ],
        { ignoreDuplicates: true },
      )
      .select();
    expect(ignored).toMatchObject({ status: 201, data: [{ id: 9, name: "nine" }] });
    const rows = await db.from("parents").select().order("id");
    expect(rows.data?.map(({ name }) => name)).toEqual(["eins", "dos", "nine"]);
    const key = await db.from("keyless").upsert({ note: "x" }, { onConflict: "note" });
    expect(key.error?.code).toBe("42P10");
  });

  it("of one row by its key can be a PUT", async () => {
    const put = (path: string, body: string, headers = {}) => send("PUT", path, body, headers);
    expect((await put("pairs?a=eq.1&b=eq.x", '{"a":1,"b":"x","note":"n"}')).status).toBe(204);
    const again = await put("pairs?a=eq.1&b=eq.x", '{"a":1,"b":"x","note":"m"}', full);
    expect(again).toMatchObject({ status: 200, json: [{ a: 1, b: "x", note: "m" }] });
    expect(await put("pairs?a=eq.2&b=eq.y", '{"a":2,"b":"y"}', full)).toMatchObject({
      status: 201,
    });
    expect(await put("pairs?a=eq.1&b=eq.x", '{"a":2,"b":"x"}')).toMatchObject({
      status: 400,
      json: { code: "PGRST115" },
    });
    expect(await put("pairs?a=eq.1", '{"a":1,"b":"x"}')).toMatchObject({
      status: 405,
      json: { code: "PGRST105" },
    });
    expect(await put("pairs?a=eq.1&b=eq.x&limit=1", '{"a":1,"b":"x"}')).toMatchObject({
      status: 400,
      json: { code: "PGRST114" },
    });
    expect((await db.from("pairs").select()).data).toHaveLength(2);
  });
});

describe("update and delete", () => {
  beforeEach(async () => {
    await project.owner`insert into parents values (1, 'one'), (2, 'two')`;
    await project.owner`insert into children values (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c')`;
  });

  it("without a filter are refused, as by safeupdate", async () => {
    expect(await send("PATCH", "parents", '{"name":"x"}')).toMatchObject({
      status: 400,
      json: { code: "21000", message: "UPDATE requires a WHERE clause", details: null, hint: null },
    });
    expect(await send("DELETE", "parents?select=id", null, full)).toMatchObject({
      status: 400,
      json: { code: "21000", message: "DELETE requires a WHERE clause" },
    });
    expect((await db.from("parents").select()).data).toHaveLength(2);
  });

  it("inside a function may have no filter", async () => {
    const name = (row: { name: string }) => row.name;
    expect((await db.rpc("rename_all", { name: "all" })).error).toBeNull();
    expect((await db.from("children").select("name")).data?.map(name)).toEqual([
      "all",
      "all",
      "all",
    ]);
  });

  it("return what they wrote with related rows, even if the filter no longer matches", async () => {
    const updated = await db
      .from("parents")
      .update({ name: "done" })
      .eq("name", "one")
      .select("name, shout, children(name)")
      .order("name", { referencedTable: "children" });
    expect(updated.data).toEqual([
      { name: "done", shout: "DONE", children: [{ name: "a" }, { name: "b" }] },
    ]);
    const child = await db
      .from("children")
      .delete()
      .eq("id", 3)
      .select("name, parents(name)")
      .single();
    expect(child.data).toEqual({ name: "c", parents: { name: "two" } });
    const narrowed = await db
      .from("parents")
      .update({ name: "third" })
      .eq("id", 2)
      .select("id, children(id)")
      .eq("children.name", "b");
    expect(narrowed.data).toEqual([{ id: 2, children: [] }]);
  });

  it("return casts and paths of columns, and no column that may not be read", async () => {
    await project.owner`insert into kinds (id, num, jb) values (1, 1.10, '{"a":{"b":2}}')`;
    const shown = "n:num::text,b:jb->a->>b,d:jb->a";
    const answer = await send("PATCH", `kinds?id=eq.1&select=${shown}`, '{"t":"x"}', full);
    expect(answer.json).toEqual([{ n: "1.10", b: "2", d: { b: 2 } }]);
    expect((await send("DELETE", "kinds?id=eq.1&select=text:t", null, full)).json).toEqual([
      { text: "x" },
    ]);
  });

  it("follow the requested order and limit", async () => {
    const rows = await db
      .from("children")
      .update({ name: "z" })
      .gt("id", 0)
      .select("id")
      .order("id", { ascending: false })
      .limit(2);
    expect(rows.data).toEqual([{ id: 3 }, { id: 2 }]);
    expect((await db.from("children").select().eq("name", "z")).data).toHaveLength(3);
  });

  it("with an empty body change nothing", async () => {
    expect(await send("PATCH", "parents?id=eq.1", "{}", full)).toMatchObject({
      status: 200,
      json: [],
    });
    expect(await send("PATCH", "parents?id=eq.9", '{"name":"x"}')).toMatchObject({
      status: 204,
      range: "*/*",
    });
  });

  it("go through views", async () => {
    const { data } = await db.from("names").update({ name: "by view" }).eq("id", 1).select();
    expect(data).toEqual([{ id: 1, name: "by view" }]);
  });

  it("that must match one object are rolled back if there is not exactly one", async () => {
    const { error, status } = await db
      .from("parents")
      .update({ name: null })
      .gt("id", 0)
      .select()
      .single();
    expect([status, error?.code, error?.details]).toEqual([
      406,
      "PGRST116",
      "The result contains 2 rows",
    ]);
    const object = { accept: "application/vnd.pgrst.object+json" };
    expect((await send("DELETE", "parents?id=eq.9", null, object)).status).toBe(406);
    const none = await db.from("parents").update({ name: "x" }).eq("id", 9).select().maybeSingle();
    expect(none).toMatchObject({ data: null, error: null });
    expect((await db.from("parents").select().is("name", null)).data).toEqual([]);
  });
});

describe("preferences", () => {
  it("choose the answer: nothing, the location of the row, or the row", async () => {
    const post = (headers: object) => send("POST", "parents", '{"id":5,"name":null}', headers);
    expect(await post({ prefer: "return=headers-only" })).toEqual({
      status: 201,
      text: "",
      json: undefined,
      range: "*/*",
      applied: "return=headers-only",
      location: "/parents?id=eq.5",
    });
    await project.owner`truncate parents cascade`;
    expect(await post({ prefer: "return=minimal" })).toMatchObject({
      text: "",
      location: null,
      applied: "return=minimal",
    });
    await project.owner`truncate parents cascade`;
    expect(await post({ prefer: "return=representation, count=exact" })).toMatchObject({
      json: [{ id: 5, name: null }],
      range: "*/1",
      applied: "return=representation, count=exact",
      location: null,
    });
    const patched = await send("PATCH", "parents?id=eq.5", '{"name":"n"}', {
      prefer: "count=exact",
    });
    expect(patched).toMatchObject({ status: 204, range: "0-0/1", applied: "count=exact" });
    const csv = { ...full, accept: "text/csv" };
    expect((await send("DELETE", "parents?id=eq.5", null, csv)).text).toBe("id,name\n5,n");
  });

  it("with max-affected roll back a request that changes more rows", async () => {
    await project.owner`insert into parents values (1, 'one'), (2, 'two')`;
    const strict = { prefer: "handling=strict, max-affected=1" };
    expect(await send("DELETE", "parents?id=gt.0", null, strict)).toMatchObject({
      status: 400,
      json: { code: "PGRST124", details: "The query affects 2 rows" },
    });
    const shown = { prefer: `${strict.prefer}, return=representation` };
    const patched = await send("PATCH", "parents?id=gt.0", '{"name":null}', shown);
    expect(patched.json).toMatchObject({ code: "PGRST124" });
    expect((await db.from("parents").select().not("name", "is", null)).data).toHaveLength(2);
    expect(await send("DELETE", "parents?id=eq.1", null, strict)).toMatchObject({
      status: 204,
      applied: "handling=strict, max-affected=1",
    });
    const lenient = { prefer: "max-affected=0" };
    expect((await send("DELETE", "parents?id=eq.2", null, lenient)).status).toBe(204);
  });

  it("that are unknown are ignored, or refused with handling=strict", async () => {
    const strict = { prefer: "handling=strict, foo, return=nothing" };
    for (const [method, path, body] of [
      ["GET", "parents", null],
      ["POST", "parents", "{}"],
      ["POST", "rpc/shout", "{}"],
    ] as const)
      expect(await send(method, path, body, strict)).toMatchObject({
        status: 400,
        json: { code: "PGRST122", details: "Invalid preferences: foo, return=nothing" },
      });
    expect((await send("GET", "parents", null, { prefer: "foo" })).status).toBe(200);
  });

  it("about the end of the transaction are followed if the project allows them", async () => {
    const rollback = { prefer: "tx=rollback, return=representation" };
    const post = () => send("POST", "parents", '{"id":7}', rollback);
    expect(await post()).toMatchObject({ status: 201, applied: "return=representation" });
    expect((await db.from("parents").select()).data).toHaveLength(1);
    await project.owner`truncate parents cascade`;
    const [row] = await project.owner`select current_database() as name`;
    const set = (value: string) =>
      project.owner.unsafe(
        `alter role authenticator in database ${row?.name} ${value}; notify pgrst, 'reload config'`,
      );
    await set("set pgrst.db_tx_end = 'commit-allow-override'");
    await expect
      .poll(async () => (await send("GET", "parents", null, rollback)).applied)
      .toBe("tx=rollback");
    expect(await post()).toMatchObject({
      status: 201,
      json: [{ id: 7, name: null }],
      applied: "return=representation, tx=rollback",
    });
    expect((await db.from("parents").select()).data).toEqual([]);
    const { data } = await db.from("parents").insert({ id: 8 }).select().rollback();
    expect(data).toEqual([{ id: 8, name: null }]);
    expect((await db.from("parents").select()).data).toEqual([]);
    await set("reset pgrst.db_tx_end");
  });

  it("about the time zone apply to reads and writes", async () => {
    await send("POST", "kinds", '{"at":"2026-01-01T00:00:00"}', { prefer: "timezone=Asia/Tokyo" });
    const read = await send("GET", "kinds?select=at", null, {
      prefer: "timezone=America/New_York",
    });
    expect(read).toMatchObject({
      json: [{ at: "2025-12-31T10:00:00-05:00" }],
      applied: "timezone=America/New_York",
    });
    expect((await send("GET", "kinds?select=at", null)).json).toEqual([
      { at: "2025-12-31T15:00:00+00:00" },
    ]);
    expect(await send("GET", "kinds", null, { prefer: "timezone=Jupiter/Red_Spot" })).toMatchObject(
      {
        status: 400,
        json: { code: "22023" },
      },
    );
  });
});
