import type { SupabaseClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openProject, type Project } from "./harness.ts";

const sql = `
  create table notes (
    id bigint generated always as identity primary key,
    tenant text not null default (auth.jwt() -> 'mayfly' ->> 'tenant'),
    body text not null,
    tags text[] not null default '{}',
    score numeric(6, 2),
    data jsonb,
    at timestamptz not null default '2026-01-02 03:04:05.678+00',
    constraint notes_body_key unique (tenant, body)
  );
  create table remarks (
    id int generated always as identity primary key,
    note_id bigint not null references notes (id) on delete cascade,
    body text not null
  );
  alter table notes enable row level security;
  alter table remarks enable row level security;
  create policy own on notes to authenticated
    using (tenant = (select auth.jwt() -> 'mayfly' ->> 'tenant'))
    with check (tenant = (select auth.jwt() -> 'mayfly' ->> 'tenant'));
  create policy own on remarks to authenticated
    using (exists (select from notes where notes.id = note_id));
  create table locked (id int primary key);
  revoke all on locked from anon, authenticated;
  create table owned (id int primary key, user_id uuid references auth.users (id));
  insert into notes (tenant, body, tags, score, data) values
    ('a', 'first', '{x,"y z"}', 1.10, '{"n": [1, 2]}'), ('a', 'second', '{}', 2.5, null),
    ('b', 'other', '{}', null, null);
  insert into remarks (note_id, body) select id, 'on ' || body from notes;
  create schema if not exists mayfly;
  grant usage on schema mayfly to anon, authenticated, service_role;
  create table mayfly.things (id int primary key);
  grant all on mayfly.things to anon, authenticated, service_role;
`;

let project: Project;
let a: SupabaseClient;
beforeAll(async () => {
  project = await openProject(sql);
  a = project.client(project.keys.publishableKey, await tenant("a"));
});
afterAll(() => project.close());

const tenant = (name: string) => project.token({ mayfly: { v: 1, tenant: name } });

describe("tables", () => {
  it("show a token's tenant its own rows, as PostgREST writes them", async () => {
    const { data, error } = await a.from("notes").select("*").order("id");
    expect(error).toBeNull();
    expect(data).toEqual([
      {
        id: 1,
        tenant: "a",
        body: "first",
        tags: ["x", "y z"],
        score: 1.1,
        data: { n: [1, 2] },
        at: "2026-01-02T03:04:05.678+00:00",
      },
      expect.objectContaining({ id: 2, body: "second" }),
    ]);
  });

  it("show nothing to anon without a policy for it", async () => {
    const { data } = await project.client(project.keys.publishableKey).from("notes").select();
    expect(data).toEqual([]);
  });

  it("show everything to the secret key, but only the user's rows if a user's token is added", async () => {
    const secret = await project.client(project.keys.secretKey).from("notes").select("tenant");
    expect(new Set(secret.data?.map((row) => row.tenant))).toContain("b");
    const asUser = project.client(project.keys.secretKey, await tenant("b"));
    expect((await asUser.from("notes").select("tenant")).data).toEqual([{ tenant: "b" }]);
  });

  it("filter, page, count and embed", async () => {
    const page = await a
      .from("notes")
      .select("body, remarks(body)", { count: "exact" })
      .gte("score", 1)
      .contains("data", { n: [1] })
      .range(0, 0);
    expect(page).toMatchObject({
      count: 1,
      data: [{ body: "first", remarks: [{ body: "on first" }] }],
    });
    const head = await a.from("notes").select("*", { count: "exact", head: true });
    expect(head.count).toBe(2);
    const inner = await a
      .from("remarks")
      .select("body, notes!inner(body)")
      .eq("notes.body", "first");
    expect(inner.data).toEqual([{ body: "on first", notes: { body: "first" } }]);
  });

  it("insert, upsert, update and delete, and return what was written", async () => {
    const inserted = await a
      .from("notes")
      .insert({ body: "new", tags: ["p", 'q"r', "s,t"], data: { deep: [{ k: null }] }, score: 3 })
      .select()
      .single();
    expect(inserted.error).toBeNull();
    expect(inserted.data).toMatchObject({
      tenant: "a",
      tags: ["p", 'q"r', "s,t"],
      data: { deep: [{ k: null }] },
      score: 3,
    });
    const many = await a.from("notes").insert([
      { body: "m1", data: "a string" },
      { body: "m2", data: [1, "two"] },
    ]);
    expect(many).toMatchObject({ error: null, status: 201 });
    const read = await a.from("notes").select("data").in("body", ["m1", "m2"]).order("body");
    expect(read.data).toEqual([{ data: "a string" }, { data: [1, "two"] }]);
    const upserted = await a
      .from("notes")
      .upsert({ tenant: "a", body: "new", score: 4 }, { onConflict: "tenant,body" })
      .select("score");
    expect(upserted.data).toEqual([{ score: 4 }]);
    const updated = await a.from("notes").update({ score: 5 }).eq("body", "new").select("score");
    expect(updated.data).toEqual([{ score: 5 }]);
    const deleted = await a.from("notes").delete().in("body", ["new", "m1", "m2"]).select("body");
    expect(deleted.data).toHaveLength(3);
  });

  it("refuse rows of another tenant, and roll the whole request back", async () => {
    const { error, status } = await a
      .from("notes")
      .insert([{ body: "mine" }, { tenant: "b", body: "theirs" }]);
    expect(status).toBe(403);
    expect(error).toMatchObject({
      code: "42501",
      message: 'new row violates row-level security policy for table "notes"',
    });
    expect((await a.from("notes").select().eq("body", "mine")).data).toEqual([]);
  });

  it("roll back a request that is answered with an error, such as more than one row", async () => {
    const { error } = await a.from("notes").update({ score: 9 }).gte("id", 0).select().single();
    expect(error?.code).toBe("PGRST116");
    expect((await a.from("notes").select("score").eq("score", 9)).data).toEqual([]);
  });

  it("serve other exposed schemas by profile, and no schema that is not exposed", async () => {
    expect(await a.schema("mayfly").from("things").select()).toMatchObject({ data: [] });
    expect((await a.schema("auth").from("users").select()).error?.code).toBe("PGRST106");
    expect((await a.from("auth.users").select()).error?.code).toBe("PGRST205");
  });

  it("let migrations reference auth.users, but let no request do so", async () => {
    const { error } = await a.from("owned").insert({ id: 1, user_id: crypto.randomUUID() });
    expect(error).toMatchObject({ code: "23503" });
  });
});

describe("errors", () => {
  it("of the database look like PostgREST's", async () => {
    const duplicate = await a.from("notes").insert({ body: "first" });
    expect(duplicate).toMatchObject({
      status: 409,
      error: {
        code: "23505",
        // Postgres does not reveal the key if a table has policies.
        details: null,
        hint: null,
        message: 'duplicate key value violates unique constraint "notes_body_key"',
      },
    });
    expect(await a.from("locked").select()).toMatchObject({
      status: 403,
      error: { code: "42501" },
    });
    const anonymous = project.client(project.keys.publishableKey);
    expect(await anonymous.from("locked").select()).toMatchObject({ status: 401 });
    expect(await a.from("notes").select("nope")).toMatchObject({
      status: 400,
      error: { code: "42703", message: "column notes.nope does not exist" },
    });
    expect(await a.from("notes").select().eq("id", "x")).toMatchObject({
      status: 400,
      error: { code: "22P02" },
    });
  });

  it("of the request look like PostgREST's", async () => {
    expect(await a.from("note").select()).toMatchObject({
      status: 404,
      error: {
        code: "PGRST205",
        message: "Could not find the table 'public.note' in the schema cache",
        hint: "Perhaps you meant the table 'public.notes'",
      },
    });
    expect(await a.from("notes").insert({ nope: 1 })).toMatchObject({
      status: 400,
      error: { code: "PGRST204" },
    });
  });

  it("take at most one line in the log, without SQL or values", async () => {
    await a.from("notes").insert({ body: "first" });
    const lines = project.logged.join("\n");
    expect(lines).not.toMatch(/insert into|Key \(|\n\s+at /);
  });
});

describe("a lost database connection", () => {
  it("is opened again, and the schema is still watched", async () => {
    const backends = () => project.admin<{ pid: number }[]>`
      select pid from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()
        and usename in ('authenticator', 'supabase_admin')`;
    for (const { pid } of await backends())
      await project.admin`select pg_terminate_backend(${pid})`;
    await expect.poll(async () => (await a.from("notes").select()).status).toBe(200);
    await project.owner.unsafe("create table after_loss (id int)");
    const { error } = await project.client(project.keys.secretKey).from("after_loss").select();
    expect(error).toBeNull();
  });
});

describe("the schema", () => {
  it("that was created on another connection is served at once", async () => {
    for (let i = 0; i < 5; i++) {
      await project.owner.unsafe(
        `create table fresh_${i} (id int); insert into fresh_${i} values (1)`,
      );
      const { data, error } = await project
        .client(project.keys.secretKey)
        .from(`fresh_${i}`)
        .select();
      expect(error).toBeNull();
      expect(data).toEqual([{ id: 1 }]);
    }
    await project.owner.unsafe("alter table fresh_0 add column more text");
    const inserted = await project
      .client(project.keys.secretKey)
      .from("fresh_0")
      .insert({ more: "x" });
    expect(inserted.error).toBeNull();
    await project.owner.unsafe(
      "create function fresh_fn(a int) returns int language sql as 'select a + 1'",
    );
    expect((await a.rpc("fresh_fn", { a: 1 })).data).toBe(2);
  });

  it("keeps the grants of the migrations", async () => {
    const [row] = await project.admin`
      select has_table_privilege('anon', 'locked', 'select') as may_read,
        has_schema_privilege('anon', 'mayfly', 'create') as may_create`;
    expect(row).toEqual({ may_read: false, may_create: false });
  });
});
