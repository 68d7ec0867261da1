import { expect } from "vitest";
import { db, type Feature, json, project, refused, send } from "./postgrest-project.ts";

/** What PostgREST's documentation promises for calling functions and for the answer, one line for each feature. */
export const callingFeatures: Feature[] = [
  [
    "functions: POST with named, default and variadic arguments",
    "works",
    async () => {
      expect((await db.rpc("add", { a: 1, b: 2 })).data).toBe(3);
      expect((await db.rpc("add", { a: 1 })).data).toBe(11);
      expect((await db.rpc("add_up", { numbers: [1, 2, 3] })).data).toBe(6);
      expect((await db.rpc("nothing")).status).toBe(204);
    },
  ],
  [
    "functions: GET and HEAD",
    "works",
    async () => {
      expect(await json("rpc/add?a=1&b=2")).toBe(3);
      expect(await json("rpc/add_up?numbers=1&numbers=2")).toBe(3);
      expect(await json("rpc/sized?a={x,y}")).toBe(2);
      const head = await send("rpc/all_projects", { prefer: "count=exact" }, "HEAD");
      expect([head.status, head.text, head.range]).toEqual([200, "", "0-3/4"]);
      expect((await db.rpc("add", { a: 1 }, { get: true })).data).toBe(11);
      expect((await db.rpc("all_projects", {}, { head: true, count: "exact" })).count).toBe(4);
      await refused("rpc/volatile_now?x=1", "PGRST202", 404);
    },
  ],
  [
    "functions: one unnamed JSON or text parameter",
    "works",
    async () => {
      const said = await send(
        "rpc/said",
        { "content-type": "application/json" },
        "POST",
        '{"a":[1.10]}',
      );
      expect(said.text).toBe('{"a":[1.10]}');
      const lines = await send("rpc/lines", { "content-type": "text/plain" }, "POST", "a\nb");
      expect(lines.text).toBe("2");
    },
  ],
  [
    "functions: overloads",
    "works",
    async () => {
      expect((await db.rpc("overloaded", { a: 1 })).data).toBe("int");
      expect((await db.rpc("overloaded", { a: 1, b: 2 })).data).toBe("ints");
      await refused("rpc/overloaded?c=1", "PGRST202", 404);
    },
  ],
  [
    "functions: rows, with filters, order, limit, count and embedding",
    "works",
    async () => {
      const rows = await db
        .rpc("all_projects", {}, { count: "exact" })
        .select("id, clients(name)")
        .gt("id", 1)
        .order("id", { ascending: false })
        .limit(2);
      expect(rows).toMatchObject({
        count: 3,
        data: [
          { id: 4, clients: null },
          { id: 3, clients: { name: "Google" } },
        ],
      });
      expect((await db.rpc("pairs").eq("b", "y").single()).data).toEqual({ a: 2, b: "y" });
    },
  ],
  [
    "functions: max-affected",
    "works",
    async () => {
      const strict = { prefer: "handling=strict, max-affected=1" };
      await refused("rpc/all_projects", "PGRST124", 400, strict);
      await refused("rpc/add?a=1", "PGRST128", 400, strict);
    },
  ],
  [
    "answers as one object, CSV, without nulls",
    "works",
    async () => {
      const object = "application/vnd.pgrst.object+json";
      const one = await send("clients?id=eq.1", { accept: object });
      expect([one.text, one.type]).toEqual(['{"id":1,"name":"Apple"}', `${object}; charset=utf-8`]);
      await refused("clients", "PGRST116", 406, { accept: object });
      const csv = await send("clients?order=id", { accept: "text/csv" });
      expect(csv.text).toBe("id,name\n1,Apple\n2,Google\n3,");
      const stripped = { accept: "application/vnd.pgrst.array+json;nulls=stripped" };
      expect(await json("clients?id=eq.3", stripped)).toEqual([{ id: 3 }]);
    },
  ],
  [
    "answers in a media type of a domain",
    "works",
    async () => {
      const page = await send("rpc/page?title=Hi", { accept: "text/html" });
      expect([page.text, page.type]).toEqual(["<h1>Hi</h1>", "text/html"]);
    },
  ],
  [
    "answers in a media type that nothing makes",
    "says no",
    async () => {
      await refused("clients", "PGRST107", 406, { accept: "application/xml" });
      await refused("clients", "PGRST107", 406, { accept: "application/geo+json" });
    },
  ],
  [
    "the plan of a query",
    "says no",
    async () => {
      await refused("clients", "PGRST107", 406, { accept: "application/vnd.pgrst.plan" });
      expect((await db.from("clients").select().explain()).error?.code).toBe("PGRST107");
    },
  ],
  [
    "Prefer: handling, timezone",
    "works",
    async () => {
      await refused("clients", "PGRST122", 400, { prefer: "handling=strict, x" });
      const rows = await send("tasks?select=at&id=eq.1", { prefer: "timezone=Asia/Tokyo" });
      expect([rows.text, rows.applied]).toEqual([
        '[{"at":"2026-01-02T09:00:00+09:00"}]',
        "timezone=Asia/Tokyo",
      ]);
      const called = await json("rpc/all_projects?select=id&id=eq.1", {
        prefer: "timezone=Asia/Tokyo",
      });
      expect(called).toEqual([{ id: 1 }]);
    },
  ],
  [
    "the header and the status of the answer, from the database",
    "works",
    async () => {
      const answer = await send("rpc/tells", { "content-type": "application/json" }, "POST", "{}");
      expect([answer.status, answer.headers.get("x-tea"), answer.text]).toEqual([
        418,
        "green",
        '{"path" : "/rpc/tells"}',
      ]);
      const read = await send("clients?select=from_column&id=eq.1");
      expect([read.text, read.headers.get("x-read")]).toEqual(['[{"from_column":"x"}]', "yes"]);
    },
  ],
  [
    "errors by RAISE",
    "works",
    async () => {
      const answer = await send(
        "rpc/refuses",
        { "content-type": "application/json" },
        "POST",
        "{}",
      );
      expect([answer.status, JSON.parse(answer.text)]).toEqual([
        402,
        { code: "PT402", details: "d", hint: "h", message: "Payment Required" },
      ]);
    },
  ],
  [
    "schemas by Accept-Profile and Content-Profile",
    "works",
    async () => {
      await refused("clients", "PGRST106", 406, { "accept-profile": "auth" });
      await refused("nope", "PGRST205", 404);
      await refused("a/b", "PGRST125", 404);
    },
  ],
  [
    "OPTIONS",
    "works",
    async () => {
      const allow = async (path: string) => (await send(path, {}, "OPTIONS")).allow;
      expect(await allow("clients")).toBe("OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE");
      expect(await allow("rpc/add")).toBe("OPTIONS,GET,HEAD,POST");
    },
  ],
  [
    "the OpenAPI description at the root",
    "works",
    async () => {
      const answer = await send("", { apikey: project.keys.secretKey });
      expect([answer.status, answer.type]).toEqual([
        200,
        "application/openapi+json; charset=utf-8",
      ]);
      const description = JSON.parse(answer.text);
      expect(description).toMatchObject({
        swagger: "2.0",
        basePath: "/",
        paths: {
          "/clients": { get: {}, post: {}, patch: {}, delete: {} },
          "/rpc/add": { get: {}, post: {} },
          "/rpc/volatile_now": { post: {} },
        },
        definitions: {
          tasks: {
            required: ["id"],
            properties: {
              id: {
                type: "integer",
                format: "integer",
                description: expect.stringContaining("<pk/>"),
              },
              at: { type: "string", format: "timestamp with time zone" },
              project_id: {
                description: expect.stringContaining("<fk table='projects' column='id'/>"),
              },
            },
          },
        },
      });
      expect(description.paths["/rpc/volatile_now"].get).toBeUndefined();
      const other = await json("", { apikey: project.keys.secretKey, "accept-profile": "mayfly" });
      expect(Object.keys(other.definitions)).not.toContain("clients");
    },
  ],
];
