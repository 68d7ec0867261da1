import type { SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rowsOf } from "./compatibility.ts";
import { openProject, type Project } from "./harness.ts";

const sql = `
  create table clients (id int primary key, name text);
  create table projects (
    id int primary key, name text, client_id int references clients, lead int, second int,
    tags text[] default '{}', during int4range, data jsonb, words tsvector, prose text
  );
  create table tasks (id int primary key, name text, project_id int references projects, at timestamptz);
  create table people (id int primary key, name text, boss int references people);
  alter table projects add constraint projects_lead_fkey foreign key (lead) references people,
    add constraint projects_second_fkey foreign key (second) references people;
  create table passports (person_id int primary key references people, number text);
  create table memberships (
    person_id int references people, project_id int references projects, primary key (person_id, project_id)
  );
  create type place as (lat int, long int);
  create table spots (id int primary key, at place, numbers int[], "odd.name,x" text);
  create view project_names as select id, name, client_id from projects;
  create function upper_name(p projects) returns text language sql stable as 'select upper(p.name)';
  create function main_task(projects) returns setof tasks rows 1 language sql stable as
    'select * from tasks where project_id = $1.id order by id limit 1';
  create domain "text/html" as text;
  create function page(title text) returns "text/html" language sql stable as
    $$ select '<h1>' || title || '</h1>' $$;

  create function add(a int, b int default 10) returns int language sql stable as 'select a + b';
  create function add_up(variadic numbers int[]) returns int language sql stable as
    'select sum(n)::int from unnest(numbers) as n';
  create function said(json) returns json language sql stable as 'select $1';
  create function lines(text) returns int language sql stable as
    $$ select array_length(string_to_array($1, chr(10)), 1) $$;
  create function all_projects() returns setof projects language sql stable as 'select * from projects';
  create function pairs() returns table (a int, b text) language sql stable as
    $$ select 1, 'x' union all select 2, 'y' $$;
  create function volatile_now() returns int language sql volatile as 'select 1';
  create function overloaded(a int) returns text language sql stable as $$ select 'int' $$;
  create function overloaded(a int, b int) returns text language sql stable as $$ select 'ints' $$;
  create function nothing() returns void language sql as 'select';
  create function sized(a text[]) returns int language sql stable as 'select cardinality(a)';
  create function refuses() returns void language plpgsql as $$
    begin raise sqlstate 'PT402' using message = 'Payment Required', detail = 'd', hint = 'h'; end $$;
  create function tells() returns json language plpgsql as $$
    begin
      perform set_config('response.headers', '[{"x-tea": "green"}]', true);
      perform set_config('response.status', '418', true);
      return json_build_object('path', current_setting('request.path'));
    end $$;
  create function from_column(p clients) returns text language plpgsql stable as $$
    begin perform set_config('response.headers', '[{"x-read": "yes"}]', true); return 'x'; end $$;

  insert into clients values (1, 'Apple'), (2, 'Google'), (3, null);
  insert into people values (1, 'ann', null), (2, 'bob', 1), (3, 'cyd', 1);
  insert into passports values (1, 'P1');
  insert into projects values
    (1, 'one', 1, 1, 2, '{a,b}', '[1,10)', '{"n":5,"s":"x","deep":{"k":[1,2]}}', 'fat & cat', 'a fat cat sat'),
    (2, 'two', 1, 1, 3, '{b,c}', '[10,20)', '{"n":6,"s":"y"}', 'mouse', 'the mice'),
    (3, 'three', 2, null, null, '{}', '[30,40)', null, null, null),
    (4, 'Four', null, null, null, null, null, 'null', null, null);
  insert into tasks select n, 'task ' || n, 1 + n % 3, '2026-01-01'::timestamptz + n * interval '1 day'
    from generate_series(1, 9) as n;
  insert into memberships values (1, 1), (1, 2), (2, 1);
  insert into spots values (1, (10, 20)::place, '{7,8}', 'odd');
  create table many (id int primary key);
  insert into many select generate_series(1, 1500);
  analyze many;
`;

let project: Project;
let db: SupabaseClient;
beforeAll(async () => {
  project = await openProject(sql);
  db = project.client(project.keys.publishableKey);
});
afterAll(() => project.close());

const send = async (path: string, headers: object = {}, method = "GET", body?: string) => {
  const response = await fetch(`${project.url}/rest/v1/${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
    headers: { apikey: project.keys.publishableKey, ...headers },
  });
  return {
    status: response.status,
    text: await response.text(),
    type: response.headers.get("content-type"),
    range: response.headers.get("content-range"),
    applied: response.headers.get("preference-applied"),
    location: response.headers.get("content-location"),
    allow: response.headers.get("allow"),
    headers: response.headers,
  };
};
const json = async (path: string, headers: object = {}) => {
  const { text } = await send(path, headers);
  return JSON.parse(text);
};
/** The ids of the projects that a query string finds. */
const ids = async (query: string, table = "projects") => {
  const rows = await json(`${table}?select=id&order=id&${query}`);
  return Array.isArray(rows) ? rows.map(({ id }) => id) : rows;
};
const refused = async (path: string, code: string, status: number, headers: object = {}) => {
  const answer = await send(path, headers);
  expect([answer.status, JSON.parse(answer.text).code], path).toEqual([status, code]);
};

type Verdict = "works" | "says no" | "differs";
type Feature = [name: string, verdict: Verdict, check: () => Promise<void>];

/** What PostgREST's documentation promises for reading, calling and the answer, one line a feature. */
const features: Feature[] = [
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
      // PostgREST gives "10".
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
      // Below max_rows it is exact, whatever the planner thinks.
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
  [
    "embedding: to one, to many, one to one, many to many, nested",
    "works",
    async () => {
      expect(await json("tasks?select=name,projects(name,clients(name))&id=eq.3")).toEqual([
        { name: "task 3", projects: { name: "one", clients: { name: "Apple" } } },
      ]);
      expect(
        await json("clients?select=name,projects(id)&order=id&projects.order=id.desc"),
      ).toEqual([
        { name: "Apple", projects: [{ id: 2 }, { id: 1 }] },
        { name: "Google", projects: [{ id: 3 }] },
        { name: null, projects: [] },
      ]);
      expect(await json("people?select=name,passports(number)&order=id&limit=2")).toEqual([
        { name: "ann", passports: { number: "P1" } },
        { name: "bob", passports: null },
      ]);
      expect(
        await json("people?select=name,projects!memberships(name)&id=eq.1&projects.order=id"),
      ).toEqual([{ name: "ann", projects: [{ name: "one" }, { name: "two" }] }]);
    },
  ],
  [
    "embedding: which of several foreign keys, aliases",
    "works",
    async () => {
      await refused("projects?select=people(name)", "PGRST201", 300);
      expect(
        await json(
          "projects?select=lead:people!projects_lead_fkey(name),people!second(name)&id=eq.1",
        ),
      ).toEqual([{ lead: { name: "ann" }, people: { name: "bob" } }]);
      await refused("projects?select=nope(name)", "PGRST200", 400);
    },
  ],
  [
    "embedding: of the table itself",
    "works",
    async () => {
      expect(await json("people?select=name,people(name)&id=eq.1&people.order=id")).toEqual([
        { name: "ann", people: [{ name: "bob" }, { name: "cyd" }] },
      ]);
    },
  ],
  [
    "embedding: filters, order, limit, inner joins",
    "works",
    async () => {
      expect(
        await json("clients?select=id,projects(id)&projects.name=eq.two&order=id&projects.limit=1"),
      ).toEqual([
        { id: 1, projects: [{ id: 2 }] },
        { id: 2, projects: [] },
        { id: 3, projects: [] },
      ]);
      const inner = await json("clients?select=id,projects!inner(id)&projects.name=eq.two");
      expect(inner).toEqual([{ id: 1, projects: [{ id: 2 }] }]);
      expect(await json("clients?select=id,projects()&projects=not.is.null&order=id")).toEqual([
        { id: 1 },
        { id: 2 },
      ]);
      expect(await json("clients?select=id,projects()&projects=is.null")).toEqual([{ id: 3 }]);
    },
  ],
  [
    "embedding: order by a related column",
    "works",
    async () => {
      const ordered = await json(
        "projects?select=id,clients(name)&order=clients(name).desc.nullslast,id",
      );
      expect(ordered.map(({ id }: { id: number }) => id)).toEqual([3, 1, 2, 4]);
    },
  ],
  [
    "embedding: or across tables",
    "says no",
    async () => {
      await refused(
        "projects?select=id,clients()&or=(name.eq.three,clients.is.null)",
        "42703",
        400,
      );
    },
  ],
  [
    "embedding: spread",
    "works",
    async () => {
      expect(await json("projects?select=id,...clients(client:name)&id=eq.1")).toEqual([
        { id: 1, client: "Apple" },
      ]);
      expect(
        await json("clients?select=id,...projects(names:name)&id=eq.1&projects.order=id"),
      ).toEqual([{ id: 1, names: ["one", "two"] }]);
    },
  ],
  [
    "embedding: of views",
    "works",
    async () => {
      expect(await json("project_names?select=name,clients(name)&id=eq.1")).toEqual([
        { name: "one", clients: { name: "Apple" } },
      ]);
      expect(await json("project_names?select=name,tasks(id)&id=eq.3&tasks.order=id")).toEqual([
        { name: "three", tasks: [{ id: 2 }, { id: 5 }, { id: 8 }] },
      ]);
    },
  ],
  [
    "aggregate functions",
    "says no",
    async () => {
      await refused("projects?select=id.sum()", "PGRST123", 400);
      await refused("projects?select=count()", "PGRST123", 400);
    },
  ],
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

describe("PostgREST's features", () => {
  it.each(features)("%s", async (_name, _verdict, check) => check());

  it("stand in the table with what they do", async () => {
    const verdicts = features.map(([name, verdict]) => [name, verdict]);
    expect(await rowsOf("PostgREST")).toEqual(verdicts);
  });
});
