import { describe, expect, it } from "vitest";
import { db, full, project, send, setUp } from "./writing.ts";

setUp();

describe("values", () => {
  // Each pair has the value that is written, and the text of the value that the column then has.
  const kept: [column: string, json: string, text: string | null][] = [
    ["big", "9007199254740993", "9007199254740993"],
    ["big", '"9223372036854775807"', "9223372036854775807"],
    ["num", "12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"],
    ["num", '"1.10000000000000000001"', "1.10000000000000000001"],
    ["num", "1e-20", "0.00000000000000000001"],
    ["small", "1.5", "1.50"],
    ["j", '"5"', '"5"'],
    ["j", '"{\\"a\\":1}"', '"{\\"a\\":1}"'],
    ["jb", '"5"', '"5"'],
    ["jb", '"null"', '"null"'],
    ["jb", "true", "true"],
    ["jb", "5", "5"],
    ["jb", '{"n":9007199254740993,"d":1.10}', '{"d": 1.10, "n": 9007199254740993}'],
    ["jb", "[1,null]", "[1, null]"],
    ["jb", "null", null],
    ["t", '{"a":1}', '{"a":1}'],
    ["t", "[1,2]", "[1,2]"],
    ["t", "true", "true"],
    ["t", "1.50", "1.50"],
    ["t", '"null"', "null"],
    ["t", '"  x "', "  x "],
    ["t", '""', ""],
    ["flag", '"yes"', "true"],
    ["words", '["a","b,c","\\"d",null,"null"]', '{a,"b,c","\\"d",NULL,"null"}'],
    ["words", '"{x,y}"', "{x,y}"],
    ["numbers", "[9007199254740993]", "{9007199254740993}"],
    ["bytes", '"\\\\x6869"', "\\x6869"],
    ["e", "86400", "1970-01-02 00:00:00+00"],
  ];

  it.each(kept)(
    "of %s written as %s are kept by insert, upsert and update",
    async (column, json, text) => {
      const read = async () => {
        const rows = await project.owner.unsafe(`select ${column}::text as text from kinds`);
        return rows.map((row) => row.text);
      };
      const body = `{"id":1,"${column}":${json}}`;
      expect(await send("POST", "kinds", body)).toMatchObject({ status: 201, text: "" });
      expect(await read()).toEqual([text]);
      const merge = { prefer: "resolution=merge-duplicates" };
      await project.owner.unsafe(`update kinds set ${column} = null`);
      expect((await send("POST", "kinds", body, merge)).status).toBe(200);
      expect(await read()).toEqual([text]);
      await project.owner.unsafe(`update kinds set ${column} = null`);
      expect((await send("PATCH", "kinds?id=eq.1", `{"${column}":${json}}`)).status).toBe(204);
      expect(await read()).toEqual([text]);
      await project.owner.unsafe(`update kinds set ${column} = null`);
      const bulk = await send("POST", `kinds?columns=id,${column}`, `[${body}]`, merge);
      expect(bulk.status).toBe(200);
      expect(await read()).toEqual([text]);
    },
  );

  it.each([
    ["at", "0.1", "22007"],
    ["at", '"yesterday-ish"', "22007"],
    ["big", "1.5", "22P02"],
    ["big", "9223372036854775808", "22003"],
    ["flag", "2", "22P02"],
    ["word", '"too long"', "22001"],
    ["twice", "2", "428C9"],
  ])("of %s written as %s are refused", async (column, json, code) => {
    const answer = await send("POST", "kinds", `{"${column}":${json}}`);
    expect(answer).toMatchObject({ status: 400, json: { code } });
    expect(await project.owner`select from kinds`).toHaveLength(0);
  });

  it("of vectors can be lists or texts", async () => {
    await db.from("vectors").insert([
      { id: 1, v: [1, 2, 3] },
      { id: 2, v: "[4,5,6]" },
    ]);
    expect((await db.from("vectors").select("v").order("id")).data).toEqual([
      { v: "[1,2,3]" },
      { v: "[4,5,6]" },
    ]);
    expect((await db.from("vectors").insert({ id: 3, v: [1] })).error?.code).toBe("22000");
  });

  it("are returned unchanged", async () => {
    const body = '{"id":1,"big":9007199254740993,"num":1.10000000000000000001,"jb":{"n":1e400}}';
    const answer = await send("POST", "kinds?select=big,num,jb", body, full);
    expect(answer.text).toBe(
      `[{"big":9007199254740993,"num":1.10000000000000000001,"jb":{"n":1${"0".repeat(400)}}}]`,
    );
  });

  it("of filters match exactly", async () => {
    await project.owner`insert into kinds (id, big, t, jb, words) values
      (1, 9007199254740992, 'null', '"5"', '{"a,b",true}'), (2, 9007199254740993, 'true', '5', '{x}'),
      (3, null, '007', '{"a": "x\\"y"}', null), (4, null, ' "q" ', '9007199254740993', null)`;
    const ids = async (query: PromiseLike<{ data: { id: number }[] | null; error: unknown }>) => {
      const { data, error } = await query;
      expect(error).toBeNull();
      return data?.map(({ id }) => id);
    };
    const from = () => db.from("kinds").select("id").order("id");
    expect(await ids(from().eq("big", "9007199254740993"))).toEqual([2]);
    expect(await ids(from().in("big", ["9007199254740993", "1"]))).toEqual([2]);
    expect(await ids(from().gt("big", "9007199254740992"))).toEqual([2]);
    expect(await ids(from().or("big.eq.9007199254740993,t.eq.007"))).toEqual([2, 3]);
    expect(await ids(from().eq("t", "null"))).toEqual([1]);
    expect(await ids(from().eq("t", "true"))).toEqual([2]);
    expect(await ids(from().eq("t", ' "q" '))).toEqual([4]);
    expect(await ids(from().in("t", ["null", ' "q" ', "a,b"]))).toEqual([1, 4]);
    expect(await ids(from().or('t.eq." \\"q\\" ",and(t.eq.true,id.not.in.(1,3))'))).toEqual([2, 4]);
    expect(await ids(from().eq("jb", "5"))).toEqual([2]);
    expect(await ids(from().eq("jb", '"5"'))).toEqual([1]);
    expect(await ids(from().eq("jb", "9007199254740993"))).toEqual([4]);
    expect(await ids(from().eq("jb->>a", 'x"y'))).toEqual([3]);
    expect(await ids(from().contains("jb", { a: 'x"y' }))).toEqual([3]);
    expect(await ids(from().contains("words", ['"a,b"']))).toEqual([1]);
    expect(await ids(from().overlaps("words", ["x", "true"]))).toEqual([1, 2]);
    expect(await ids(from().like("t", "%q%"))).toEqual([4]);
    expect(await ids(from().ilikeAnyOf("t", ["%Q%", "tr%"]))).toEqual([2, 4]);
    expect(await ids(from().is("big", null))).toEqual([3, 4]);
    expect(await ids(from().filter("id", "eq(any)", "{1,3}"))).toEqual([1, 3]);
    expect(await ids(from().match({ t: "007", id: 3 }))).toEqual([3]);
  });

  it("of several filters on one column, and of several `or`, are all applied", async () => {
    await project.owner`insert into kinds (id, t, big) values (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)`;
    const rows = await db.from("kinds").select("id").neq("id", 1).neq("id", 2);
    expect(rows.data).toEqual([{ id: 3 }]);
    const both = await db
      .from("kinds")
      .select("id")
      .or("id.eq.1,id.eq.2")
      .or("t.eq.b,t.eq.c")
      .gt("big", 0);
    expect(both.data).toEqual([{ id: 2 }]);
    const gone = await db.from("kinds").delete().neq("id", 1).neq("id", 2).select("id");
    expect(gone.data).toEqual([{ id: 3 }]);
  });
});

describe("insert", () => {
  it("of an empty object takes the defaults", async () => {
    expect(await db.from("kinds").insert({}).select("stamped, counted")).toMatchObject({
      status: 201,
      data: [{ stamped: "stamp", counted: 7 }],
    });
    expect((await db.from("kinds").insert([{}, {}]).select("id")).data).toHaveLength(2);
    expect(await db.from("kinds").insert([]).select()).toMatchObject({ status: 201, data: [] });
  });

  it("of objects with different keys sets missing ones to null, or to their defaults if asked", async () => {
    const rows = [{ t: "a", counted: 1 }, { t: "b", stamped: "own" }, { stamped: null }];
    const nulls = await db.from("kinds").insert(rows).select("t, stamped, counted");
    expect(nulls.data).toEqual([
      { t: "a", stamped: null, counted: 1 },
      { t: "b", stamped: "own", counted: null },
      { t: null, stamped: null, counted: null },
    ]);
    const defaults = await db
      .from("kinds")
      .insert(rows, { defaultToNull: false })
      .select("t, stamped, counted");
    expect(defaults.data).toEqual([
      { t: "a", stamped: "stamp", counted: 1 },
      { t: "b", stamped: "own", counted: 7 },
      { t: null, stamped: null, counted: 7 },
    ]);
    const upserted = await db
      .from("kinds")
      .upsert([{ id: 1000, t: "one" }, { t: "other" }], { defaultToNull: false })
      .select("id, t");
    expect(upserted.data).toEqual([
      { id: 1000, t: "one" },
      { id: expect.any(Number), t: "other" },
    ]);
  });

  it("of objects with different keys is refused without columns", async () => {
    expect(await send("POST", "kinds", '[{"t":"a"},{"big":1}]')).toMatchObject({
      status: 400,
      json: { code: "PGRST102", message: "All object keys must match" },
    });
  });

  it("writes only the named columns", async () => {
    const answer = await send("POST", "kinds?columns=t&select=t,big", '{"t":"a","big":1}', full);
    expect(answer.json).toEqual([{ t: "a", big: null }]);
    expect(await send("POST", "kinds?columns=nope", "{}")).toMatchObject({
      status: 400,
      json: {
        code: "PGRST204",
        message: "Could not find the 'nope' column of 'kinds' in the schema cache",
      },
    });
  });

  it("accepts 20,000 rows at once", async () => {
    const rows = Array.from({ length: 20_000 }, (_, at) => ({ id: at + 1, t: `row ${at}` }));
    // This test does not use supabase-js, which needs seconds to collect the keys of so many rows.
    const answer = await send("POST", "kinds?columns=id,t", JSON.stringify(rows), {
      prefer: "count=exact",
    });
    expect(answer).toMatchObject({ status: 201, range: "*/20000" });
    const shown = await db.from("kinds").update({ big: 1 }).gt("id", 0).select("id");
    expect(shown.data).toHaveLength(20_000);
  });

  it("accepts forms and CSV", async () => {
    const form = { ...full, "content-type": "application/x-www-form-urlencoded" };
    expect((await send("POST", "pairs", "a=1&b=x+y&note=5", form)).json).toEqual([
      { a: 1, b: "x y", note: "5" },
    ]);
    const csv = { ...full, "content-type": "text/csv" };
    const body = 'a,b,note\n2,"q,""r""\nz",NULL\r\n3,,007\n';
    expect((await send("POST", "pairs", body, csv)).json).toEqual([
      { a: 2, b: 'q,"r"\nz', note: null },
      { a: 3, b: "", note: "007" },
    ]);
    expect(await send("POST", "pairs", "a,b\n1", csv)).toMatchObject({
      status: 400,
      json: { code: "PGRST102", message: "All lines must have same number of fields" },
    });
    const other = { "content-type": "application/xml" };
    expect(await send("POST", "pairs", "<a/>", other)).toMatchObject({
      status: 400,
      json: { code: "PGRST102", message: "Content-Type not acceptable: application/xml" },
    });
    expect((await send("POST", "pairs", "{", {})).json).toMatchObject({
      code: "PGRST102",
      message: "Empty or invalid json",
    });
  });

  it("needs no right to read, unless it returns what it wrote", async () => {
    expect((await send("POST", "guarded", '{"id":1,"hidden":"h"}')).status).toBe(201);
    const shown = await send("POST", "guarded?select=id,seen", '{"id":2}', full);
    expect(shown.json).toEqual([{ id: 2, seen: null }]);
    expect((await send("POST", "guarded", '{"id":3}', full)).json).toMatchObject({ code: "42501" });
    expect(await project.owner`select from guarded`).toHaveLength(2);
    const changed = await send("PATCH", "guarded?id=eq.1&select=seen", '{"seen":"s"}', full);
    expect(changed.json).toEqual([{ seen: "s" }]);
  });
});
