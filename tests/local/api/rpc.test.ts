import type { SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openProject, type Project } from "./harness.ts";

const sql = `
  create table things (id int primary key, name text, at timestamptz default '2026-01-02 03:04:05+00');
  insert into things (id, name) values (1, 'one'), (2, 'two'), (3, 'three');
  create type pair as (a int, b text[]);
  create function nothing() returns void language sql as '';
  create function add(a int, b int default 10) returns int language sql immutable as 'select a + b';
  create function greet("limit" text, "order" int) returns text language sql as 'select "limit" || "order"';
  create function nulls(a text) returns text language sql as 'select a';
  create function echo(doc jsonb) returns jsonb language sql as 'select doc';
  create function big(v numeric, i bigint) returns jsonb language sql as 'select jsonb_build_array(v, i)';
  create function lists(u uuid[], t text[], m int[]) returns jsonb language sql
    as 'select jsonb_build_object(''u'', u, ''t'', t, ''m'', m)';
  create function a_pair() returns pair language sql as $$ select row(1, '{x,y}')::pair $$;
  create function out_one(out x int) language sql as 'select 1';
  create function scalars() returns setof int language sql as 'select generate_series(1, 3)';
  create function rows_of() returns setof things language sql stable as 'select * from things order by id';
  create function table_of(lowest int) returns table (id int, name text) language sql stable
    as 'select id, name from things where id >= lowest order by id';
  create function many() returns setof int language sql as 'select generate_series(1, 5000)';
  create function writes(i int) returns void language sql as 'insert into things values (i, ''new'')';
  create function over(a int) returns text language sql as 'select ''int''';
  create function over(a int, b int) returns text language sql as 'select ''two''';
  create function about_request() returns jsonb language sql stable as $$
    select jsonb_build_object(
      'headers', current_setting('request.headers', true)::json,
      'method', current_setting('request.method', true),
      'path', current_setting('request.path', true),
      'claims', current_setting('request.jwt.claims', true)::json,
      'role', current_user,
      'search_path', current_setting('search_path'),
      'timeout', current_setting('statement_timeout')
    )
  $$;
  create function answers(code text, headers text) returns json language plpgsql as $$
  begin
    perform set_config('response.status', code, true);
    perform set_config('response.headers', headers, true);
    return '{"ok": true}'::json;
  end $$;
  create function raises(state text, message text, detail text, hint text) returns void
  language plpgsql as $$
  begin
    raise exception using errcode = state, message = message, detail = detail, hint = hint;
  end $$;
`;

let project: Project;
let a: SupabaseClient;
beforeAll(async () => {
  project = await openProject(sql);
  a = project.client(project.keys.publishableKey, await project.token());
});
afterAll(() => project.close());

const raw = (path: string, headers: Record<string, string> = {}, body?: unknown) =>
  fetch(`${project.url}/rest/v1/rpc/${path}`, {
    headers: {
      apikey: project.keys.publishableKey,
      "content-type": "application/json",
      ...headers,
    },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });

describe("a function's result", () => {
  it("can be nothing, a scalar, null, a document, an object, a list of scalars, or rows", async () => {
    expect(await a.rpc("nothing")).toMatchObject({ data: null, error: null, status: 204 });
    expect((await a.rpc("add", { a: 1 })).data).toBe(11);
    expect((await a.rpc("nulls", { a: null })).data).toBeNull();
    const doc = { a: [1, { b: null }], t: "x" };
    expect((await a.rpc("echo", { doc })).data).toEqual(doc);
    expect((await a.rpc("a_pair")).data).toEqual({ a: 1, b: ["x", "y"] });
    expect((await a.rpc("out_one")).data).toEqual({ x: 1 });
    expect((await a.rpc("scalars")).data).toEqual([1, 2, 3]);
    expect((await a.rpc("rows_of")).data?.[0]).toEqual({
      id: 1,
      name: "one",
      at: "2026-01-02T03:04:05+00:00",
    });
    expect((await a.rpc("table_of", { lowest: 4 })).data).toEqual([]);
  });

  it("keeps numbers exactly", async () => {
    const body = '{"v": 1234567890123456789.10, "i": 9007199254740993}';
    const answer = await fetch(`${project.url}/rest/v1/rpc/big`, {
      method: "POST",
      headers: { apikey: project.keys.publishableKey, "content-type": "application/json" },
      body,
    });
    expect(await answer.text()).toBe("[1234567890123456789.10, 9007199254740993]");
  });

  it("can be filtered, ordered, projected, counted and reduced to a single row", async () => {
    const filtered = await a.rpc("rows_of").select("name").gt("id", 1).order("id").limit(1);
    expect(filtered.data).toEqual([{ name: "two" }]);
    const counted = await a.rpc("rows_of", {}, { count: "exact" });
    expect(counted.count).toBe(3);
    const single = await a.rpc("table_of", { lowest: 3 }).single();
    expect(single.data).toEqual({ id: 3, name: "three" });
    expect((await a.rpc("table_of", { lowest: 2 }).single()).error?.code).toBe("PGRST116");
  });

  it("is cut at 1000 rows", async () => {
    expect((await a.rpc("many")).data).toHaveLength(1000);
  });
});

describe("arguments", () => {
  it("can have SQL keywords as names, and any type", async () => {
    expect((await a.rpc("greet", { limit: "x", order: 7 })).data).toBe("x7");
    const u = [crypto.randomUUID()];
    const lists = { u, t: ["a,b", 'c"d'], m: [1, 2] };
    expect((await a.rpc("lists", lists)).data).toEqual(lists);
  });

  it("can be sent by GET, which cannot write", async () => {
    expect((await a.rpc("add", { a: 1, b: 2 }, { get: true })).data).toBe(3);
    const written = await a.rpc("writes", { i: 9 }, { get: true });
    expect(written).toMatchObject({ status: 405, error: { code: "25006" } });
  });

  it("choose among overloads, and get a 404 if they match none", async () => {
    expect((await a.rpc("over", { a: 1, b: 2 })).data).toBe("two");
    expect(await a.rpc("add", { c: 1 })).toMatchObject({
      status: 404,
      error: { code: "PGRST202" },
    });
    expect(await a.rpc("nope")).toMatchObject({ status: 404, error: { code: "PGRST202" } });
  });

  it("can be a document of 4 MB", async () => {
    const doc = { text: "é".repeat(2_000_000) };
    expect((await a.rpc("echo", { doc })).data).toEqual(doc);
  });
});

describe("the request", () => {
  it("is visible to a function and to a policy of a table", async () => {
    await project.owner.unsafe(`
      create table by_header (tenant text);
      insert into by_header values ('x'), ('y');
      alter table by_header enable row level security;
      create policy chosen on by_header using (
        tenant = current_setting('request.headers', true)::json ->> 'x-mayfly-tenant');
    `);
    const claims = { role: "authenticated", sub: "x", mayfly: { v: 1, scopes: ["a", "b"] } };
    const token = await project.token(claims);
    const headers = { authorization: `Bearer ${token}`, "X-Mayfly-Tenant": "y" };
    const seen = await (await raw("about_request", headers, {})).json();
    expect(seen).toMatchObject({
      method: "POST",
      path: "/rpc/about_request",
      role: "authenticated",
      search_path: '"public", "public", "extensions"',
      timeout: "8s",
      headers: {
        authorization: `Bearer ${token}`,
        apikey: project.keys.publishableKey,
        "x-mayfly-tenant": "y",
      },
    });
    expect(seen.claims).toMatchObject(claims);
    const rows = await fetch(`${project.url}/rest/v1/by_header`, {
      headers: { ...headers, apikey: project.keys.publishableKey },
    });
    expect(await rows.json()).toEqual([{ tenant: "y" }]);
  });
});

describe("a function's own answer", () => {
  it("sets status and headers", async () => {
    const answer = await raw("answers", {}, { code: "418", headers: '[{"x-tea": "green"}]' });
    expect(answer.status).toBe(418);
    expect(answer.headers.get("x-tea")).toBe("green");
    expect(await answer.json()).toEqual({ ok: true });
    const wrong = await raw("answers", {}, { code: "1", headers: "" });
    expect([wrong.status, (await wrong.json()).code]).toEqual([500, "PGRST112"]);
    const headers = await raw("answers", {}, { code: "200", headers: "{}" });
    expect([headers.status, (await headers.json()).code]).toEqual([500, "PGRST111"]);
  });

  const raised = async (state: string, more: Record<string, string> = {}) => {
    const body = { state, message: "no", detail: "why", hint: "try", ...more };
    const answer = await raw("raises", { authorization: `Bearer ${await project.token()}` }, body);
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };

  it("is an error if it raises one, with the status of its code", async () => {
    const envelope = { message: "no", details: "why", hint: "try" };
    const expected = {
      P0001: 400,
      PT402: 402,
      "42501": 403,
      "23505": 409,
      "22023": 400,
      "40001": 500,
      "53400": 500,
      "28000": 403,
      P0002: 500,
      MF001: 400,
    };
    for (const [state, status] of Object.entries(expected)) {
      const answer = await raised(state);
      expect(answer).toMatchObject({ status, body: { code: state, ...envelope } });
      expect(answer.headers.get("content-type")).toContain("application/json");
    }
  });

  it("is an error that it builds itself with errcode PGRST", async () => {
    const answer = await raised("PGRST", {
      message: '{"code": "mayfly_dead", "message": "dead", "hint": "renew"}',
      detail: '{"status": 410, "headers": {"x-mayfly": "dead"}}',
    });
    expect(answer.status).toBe(410);
    expect(answer.headers.get("x-mayfly")).toBe("dead");
    expect(answer.body).toEqual({
      code: "mayfly_dead",
      message: "dead",
      details: null,
      hint: "renew",
    });
    expect((await raised("PGRST")).body.code).toBe("PGRST121");
  });
});
