import { describe, expect, it } from "vitest";
import { rowsOf } from "./compatibility.ts";
import { type Call, db, finds, people, project, setUp } from "./data-project.ts";

/** Every call of supabase-js's Data API client. */
const calls: Call[] = [
  ["select", "works", async () => finds(people(), [1, 2, 3])],
  [
    "select with count and head",
    "works",
    async () => {
      for (const count of ["exact", "estimated"] as const)
        expect((await db.from("people").select("*", { count, head: true })).count).toBe(3);
    },
  ],
  [
    "select with related tables",
    "works",
    async () => {
      const { data } = await db.from("pets").select("name, people(name)").eq("id", 3).single();
      expect(data).toEqual({ name: "Kit", people: { name: "Bob" } });
    },
  ],
  [
    "insert, upsert, update, delete, with select",
    "works",
    async () => {
      const { data } = await db
        .from("people")
        .insert([{ id: 8 }, { id: 9, age: 1 }])
        .select("id, age");
      expect(data).toEqual([
        { id: 8, age: null },
        { id: 9, age: 1 },
      ]);
      const upserted = await db.from("people").upsert({ id: 8, name: "h" }).select("name");
      expect(upserted.data).toEqual([{ name: "h" }]);
      const updated = await db.from("people").update({ age: 2 }).eq("id", 9).select("age").single();
      expect(updated.data).toEqual({ age: 2 });
      const deleted = await db.from("people").delete({ count: "exact" }).gt("id", 7);
      expect(deleted).toMatchObject({ status: 204, count: 2 });
    },
  ],
  [
    "update and delete without a filter",
    "says no",
    async () => {
      expect((await db.from("people").delete()).error?.code).toBe("21000");
      expect((await db.from("people").update({ age: 1 })).error?.code).toBe("21000");
    },
  ],
  [
    "rpc, also with get and head",
    "works",
    async () => {
      await finds(db.rpc("older", { than: 35 }).select("id"), [2]);
      await finds(db.rpc("older", { than: 35 }, { get: true }).select("id"), [2]);
      expect((await db.rpc("older", { than: 1 }, { head: true, count: "exact" })).count).toBe(2);
    },
  ],
  [
    "eq, neq, gt, gte, lt, lte",
    "works",
    async () => {
      await finds(people().eq("name", "Ann"), [1]);
      await finds(people().neq("id", 1), [2, 3]);
      await finds(people().gt("age", 30), [2]);
      await finds(people().gte("age", 30), [1, 2]);
      await finds(people().lt("age", 40), [1]);
      await finds(people().lte("age", 40), [1, 2]);
    },
  ],
  [
    "like, likeAllOf, likeAnyOf, ilike, ilikeAllOf, ilikeAnyOf",
    "works",
    async () => {
      await finds(people().like("name", "A%"), [1]);
      await finds(people().likeAllOf("name", ["%n%", "A%"]), [1]);
      await finds(people().likeAnyOf("name", ["A%", "B%"]), [1, 2]);
      await finds(people().ilike("name", "C%"), [3]);
      await finds(people().ilikeAllOf("name", ["%N", "a%"]), [1]);
      await finds(people().ilikeAnyOf("name", ["a%", "C%"]), [1, 3]);
    },
  ],
  [
    "regexMatch, regexIMatch",
    "works",
    async () => {
      await finds(people().regexMatch("name", "^[AB]"), [1, 2]);
      await finds(people().regexIMatch("name", "^C"), [3]);
    },
  ],
  [
    "is, isDistinct, in, notIn",
    "works",
    async () => {
      await finds(people().is("age", null), [3]);
      await finds(people().isDistinct("age", 30), [2, 3]);
      await finds(people().in("name", ["Ann", "cyd"]), [1, 3]);
      await finds(people().notIn("name", ["Ann", "cyd"]), [2]);
    },
  ],
  [
    "contains, containedBy, overlaps",
    "works",
    async () => {
      await finds(people().contains("tags", ["b"]), [1, 2]);
      await finds(people().contains("data", { k: 2 }), [2]);
      await finds(people().contains("during", "[2,3)"), [1]);
      await finds(people().containedBy("tags", ["b", "c"]), [2, 3]);
      await finds(people().overlaps("tags", ["a"]), [1]);
      await finds(people().overlaps("during", "[5,12)"), [1, 2]);
    },
  ],
  [
    "rangeGt, rangeGte, rangeLt, rangeLte, rangeAdjacent",
    "works",
    async () => {
      await finds(people().rangeGt("during", "[1,9)"), [2]);
      await finds(people().rangeGte("during", "[10,12)"), [2]);
      await finds(people().rangeLt("during", "[15,16)"), [1]);
      await finds(people().rangeLte("during", "[1,12)"), [1]);
      await finds(people().rangeAdjacent("during", "[20,30)"), [2]);
    },
  ],
  [
    "textSearch",
    "works",
    async () => {
      await finds(people().textSearch("prose", "cat & fat", { config: "english" }), [1]);
      await finds(people().textSearch("prose", "dog or cat", { type: "websearch" }), [1, 2]);
    },
  ],
  [
    "match, not, or, filter",
    "works",
    async () => {
      await finds(people().match({ id: 1, name: "Ann" }), [1]);
      await finds(people().not("age", "is", null), [1, 2]);
      await finds(people().or("id.eq.3,and(age.gt.30,name.eq.Bob)"), [2, 3]);
      await finds(people().filter("name", "in", '("Ann","Bob")'), [1, 2]);
    },
  ],
  [
    "or, order, limit and range of a related table",
    "works",
    async () => {
      const { data } = await db
        .from("people")
        .select("id, pets(name)")
        .or("name.eq.Rex,name.eq.Tom", { referencedTable: "pets" })
        .order("name", { referencedTable: "pets", ascending: false })
        .limit(1, { referencedTable: "pets" })
        .eq("id", 1);
      expect(data).toEqual([{ id: 1, pets: [{ name: "Tom" }] }]);
    },
  ],
  [
    "order, limit, range",
    "works",
    async () => {
      const query = db
        .from("people")
        .select("id")
        .order("age", { ascending: false, nullsFirst: false });
      await finds(query, [2, 1, 3]);
      await finds(people().limit(1), [1]);
      await finds(people().range(1, 2), [2, 3]);
    },
  ],
  [
    "single, maybeSingle",
    "works",
    async () => {
      expect((await people().eq("id", 1).single()).data).toEqual({ id: 1 });
      expect((await people().single()).error?.code).toBe("PGRST116");
      expect((await people().eq("id", 99).maybeSingle()).data).toBeNull();
    },
  ],
  ["csv", "works", async () => expect((await people().csv()).data).toBe("id\n1\n2\n3")],
  [
    "stripNulls",
    "works",
    async () => {
      const { data } = await db.from("people").select("id, age").eq("id", 3).stripNulls();
      expect(data).toEqual([{ id: 3 }]);
    },
  ],
  [
    "geojson",
    "says no",
    async () => expect((await people().geojson()).error?.code).toBe("PGRST107"),
  ],
  [
    "explain",
    "says no",
    async () => expect((await people().explain()).error?.code).toBe("PGRST107"),
  ],
  [
    "rollback",
    "works",
    async () => {
      // As on a hosted project where pgrst.db_tx_end is not set: it has no effect.
      await db.from("people").insert({ id: 50 }).rollback();
      await finds(people().eq("id", 50), [50]);
      await db.from("people").delete().eq("id", 50);
    },
  ],
  [
    "maxAffected",
    "works",
    async () => {
      const query = db.from("people").update({ prose: "x" }).gt("id", 0);
      // The method's type needs a newer PostgREST than a client without generated types assumes.
      (query as unknown as { maxAffected(value: number): unknown }).maxAffected(1);
      expect((await query).error?.code).toBe("PGRST124");
    },
  ],
  [
    "getOpenApiSpec",
    "works",
    async () => {
      const { data } = await project.client(project.keys.secretKey).getOpenApiSpec();
      expect(data).toMatchObject({ definitions: { people: { required: ["id"] } } });
    },
  ],
  [
    "schema",
    "works",
    async () =>
      expect((await db.schema("auth").from("users").select()).error?.code).toBe("PGRST106"),
  ],
  [
    "throwOnError, abortSignal, setHeader, retry, returns, overrideTypes",
    "works",
    async () => {
      await expect(db.from("nope").select().throwOnError()).rejects.toThrow("Could not find");
      const gone = AbortSignal.abort();
      expect((await people().abortSignal(gone)).error?.message).toMatch(/abort/i);
      const tokyo = db
        .from("people")
        .select("id")
        .eq("id", 1)
        .setHeader("Prefer", "timezone=Asia/Tokyo");
      expect((await tokyo.returns<{ id: number }[]>()).data).toEqual([{ id: 1 }]);
    },
  ],
];

setUp();

describe("each call of supabase-js's Data API", () => {
  it.each(calls)("%s", async (_names, _verdict, check) => {
    await check();
  });

  it("is in the table with what it does", async () => {
    expect(await rowsOf("Data API")).toEqual(calls.map(([names, verdict]) => [names, verdict]));
  });

  it("of the client's own methods is tried here, if it belongs to the Data API", () => {
    const named = new Set(calls.flatMap(([names]) => names.split(/[^A-Za-z]+/)));
    const builders = [db, db.from("people"), db.from("people").select()];
    const names = builders.flatMap((builder) => {
      const own: string[] = [];
      for (
        let prototype = Object.getPrototypeOf(builder);
        prototype !== Object.prototype;
        prototype = Object.getPrototypeOf(prototype)
      )
        for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
          if (typeof value === "function") own.push(name);
      return own;
    });
    // Methods that belong to other services, or that send no request.
    const others =
      /^(_.*|constructor|fetch|then|processResponse|cloneRequestState|from|channel|getChannels|removeChannel|removeAllChannels)$/;
    expect(names.filter((name) => !others.test(name) && !named.has(name))).toEqual([]);
  });
});
