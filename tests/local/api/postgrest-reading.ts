import { expect } from "vitest";
import { type Feature, ids, json, refused, send } from "./postgrest-project.ts";

/** What PostgREST's documentation promises for reading, one line for each feature. */
export const readingFeatures: Feature[] = [
  [
    "GET and HEAD of tables and views",
    "works",
    async () => {
      expect(await json("clients?id=eq.1")).toEqual([{ id: 1, name: "Apple" }]);
      expect(await json("project_names?id=eq.1")).toEqual([{ id: 1, name: "one", client_id: 1 }]);
      const head = await send("clients", { prefer: "count=exact" }, "HEAD");
      expect([head.status, head.text, head.range]).toEqual([200, "", "0-2/3"]);
    },
  ],
  [
    "eq, neq, gt, gte, lt, lte, in, is, isdistinct",
    "works",
    async () => {
      expect(await ids("id=eq.2")).toEqual([2]);
      expect(await ids("id=neq.2")).toEqual([1, 3, 4]);
      expect(await ids("id=gt.2")).toEqual([3, 4]);
      expect(await ids("id=gte.2")).toEqual([2, 3, 4]);
      expect(await ids("id=lt.2")).toEqual([1]);
      expect(await ids("id=lte.2")).toEqual([1, 2]);
      expect(await ids('name=in.(one,"two")')).toEqual([1, 2]);
      expect(await ids("id=in.()")).toEqual([]);
      expect(await ids("client_id=is.null")).toEqual([4]);
      expect(await ids("client_id=is.not_null")).toEqual([1, 2, 3]);
      expect(await ids("client_id=isdistinct.1")).toEqual([3, 4]);
    },
  ],
  [
    "like, ilike, match, imatch, with any and all",
    "works",
    async () => {
      expect(await ids("name=like.t*")).toEqual([2, 3]);
      expect(await ids("name=ilike.f*")).toEqual([4]);
      expect(await ids("name=match.^t")).toEqual([2, 3]);
      expect(await ids("name=imatch.^f")).toEqual([4]);
      expect(await ids("name=like(any).{o*,th*}")).toEqual([1, 3]);
      expect(await ids("name=like(all).{t*,*e}")).toEqual([3]);
      expect(await ids("id=eq(any).{1,4}")).toEqual([1, 4]);
      expect(await ids("id=gt(all).{1,2}")).toEqual([3, 4]);
    },
  ],
  [
    "cs, cd, ov on arrays, ranges and JSON; sl, sr, nxr, nxl, adj",
    "works",
    async () => {
      expect(await ids("tags=cs.{b}")).toEqual([1, 2]);
      expect(await ids("tags=cd.{a,b}")).toEqual([1, 3]);
      expect(await ids("tags=ov.{c,z}")).toEqual([2]);
      expect(await ids('data=cs.{"s":"x"}')).toEqual([1]);
      expect(await ids("during=cs.[5,6)")).toEqual([1]);
      expect(await ids("during=ov.[5,12)")).toEqual([1, 2]);
      expect(await ids("during=sl.[25,26)")).toEqual([1, 2]);
      expect(await ids("during=sr.[9,12)")).toEqual([3]);
      expect(await ids("during=nxr.[1,19)")).toEqual([1]);
      expect(await ids("during=nxl.[10,12)")).toEqual([2, 3]);
      expect(await ids("during=adj.[20,30)")).toEqual([2, 3]);
    },
  ],
  [
    "fts, plfts, phfts, wfts, of tsvector and text, with a configuration",
    "works",
    async () => {
      expect(await ids("words=fts.cat")).toEqual([1]);
      expect(await ids("words=fts(simple).mouse")).toEqual([2]);
      expect(await ids("prose=plfts(english).the mice")).toEqual([2]);
      expect(await ids("prose=phfts(english).fat cat")).toEqual([1]);
      expect(await ids("prose=wfts(english).cat or mice")).toEqual([1, 2]);
      expect(await ids("prose=not.fts(english).cat")).toEqual([2]);
    },
  ],
  [
    "not, or, and, nested",
    "works",
    async () => {
      expect(await ids("id=not.eq.1")).toEqual([2, 3, 4]);
      expect(await ids("or=(id.eq.1,and(id.gt.2,id.lt.4))")).toEqual([1, 3]);
      expect(await ids("not.or=(id.eq.1,id.eq.2)")).toEqual([3, 4]);
      expect(await ids("and=(id.gt.1,or(name.eq.two,name.eq.Four))")).toEqual([2, 4]);
      expect(await ids("or=(tags.cs.{a},data->>s.eq.y)")).toEqual([1, 2]);
      expect(await ids('or=(name.in.(one,"two"),id.eq.4)')).toEqual([1, 2, 4]);
    },
  ],
  [
    "several filters on one column, several or",
    "works",
    async () => {
      expect(await ids("id=gt.1&id=lt.4&id=neq.2&id=neq.9")).toEqual([3]);
      expect(await ids("or=(id.eq.1,id.eq.2)&or=(id.eq.2,id.eq.3)")).toEqual([2]);
    },
  ],
  [
    "select: columns, aliases, casts",
    "works",
    async () => {
      expect(await json("clients?select=key:id::text,title:name&id=eq.1")).toEqual([
        { key: "1", title: "Apple" },
      ]);
      await refused("clients?select=nope", "42703", 400);
    },
  ],
  [
    "JSON paths in select, filters and order",
    "works",
    async () => {
      expect(await json("projects?select=data->deep->k->0,s:data->>s&id=eq.1")).toEqual([
        { k: 1, s: "x" },
      ]);
      expect(await ids("data->n=gt.5")).toEqual([2]);
      expect(await ids("data->>s=eq.x")).toEqual([1]);
      const rows = await json("projects?select=id&data=not.is.null&order=data->>s.desc.nullslast");
      expect(rows.map((row: { id: number }) => row.id)).toEqual([2, 1, 4]);
    },
  ],
  [
    "paths into composite and array columns",
    "works",
    async () => {
      expect(await json("spots?select=at->lat,numbers->0")).toEqual([{ lat: 10, numbers: 7 }]);
      expect(await ids("at->lat=gte.5", "spots")).toEqual([1]);
    },
  ],
  [
    "->> into a composite column gives text",
    "differs",
    async () => {
      // PostgREST returns "10".
      expect(await json("spots?select=at->>lat")).toEqual([{ lat: 10 }]);
    },
  ],
  [
    "order, nullsfirst, nullslast",
    "works",
    async () => {
      const names = async (order: string) =>
        (await json(`clients?order=${order}`)).map(({ id }: { id: number }) => id);
      expect(await names("name.desc")).toEqual([3, 2, 1]);
      expect(await names("name.asc.nullsfirst,id")).toEqual([3, 1, 2]);
      expect(await names("name.desc.nullslast")).toEqual([2, 1, 3]);
    },
  ],
  [
    "names in quotes",
    "works",
    async () => {
      expect(await json('spots?select="odd.name,x"&"odd.name,x"=eq.odd')).toEqual([
        { "odd.name,x": "odd" },
      ]);
    },
  ],
  [
    "limit, offset, Range, max_rows",
    "works",
    async () => {
      expect(await json("many?select=id&order=id&limit=2&offset=3")).toEqual([
        { id: 4 },
        { id: 5 },
      ]);
      const range = await send("many?select=id&order=id", { range: "1-2", "range-unit": "items" });
      expect([range.status, range.text, range.range]).toEqual([
        200,
        '[{"id":2},{"id":3}]',
        "1-2/*",
      ]);
      expect(await json("many?select=id")).toHaveLength(1000);
      await refused("many?offset=5000", "PGRST103", 416, { prefer: "count=exact" });
    },
  ],
  [
    "count=exact, planned, estimated",
    "works",
    async () => {
      const count = async (path: string, how: string) => {
        const answer = await send(path, { prefer: `count=${how}` }, "HEAD");
        expect(answer.applied).toBe(`count=${how}`);
        return answer.range;
      };
      expect(await count("many?id=lte.7", "exact")).toBe("0-6/7");
      expect(await count("many", "exact")).toBe("0-999/1500");
      expect(await count("many", "planned")).toBe("0-999/1500");
      // Below max_rows it is exact, whatever the planner estimates.
      expect(await count("clients", "estimated")).toBe("0-2/3");
      expect(await count("many?id=not.eq.3", "estimated")).toMatch(/^0-999\/1[45]\d\d$/);
      expect((await send("many?limit=10", { prefer: "count=exact" })).status).toBe(206);
    },
  ],
  [
    "computed fields",
    "works",
    async () => {
      expect(await json("projects?select=upper_name&upper_name=eq.ONE")).toEqual([
        { upper_name: "ONE" },
      ]);
    },
  ],
  [
    "computed relationships",
    "works",
    async () => {
      expect(await json("projects?select=id,main_task(name)&id=eq.1")).toEqual([
        { id: 1, main_task: { name: "task 3" } },
      ]);
    },
  ],
];
