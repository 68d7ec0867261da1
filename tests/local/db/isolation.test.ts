import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../../../local/src/db/index.ts";
import { query } from "../../../local/src/db/protocol.ts";
import { connect, failure, open, PASSWORD } from "./harness.ts";
import { Wire } from "./wire.ts";

let database: Database;

beforeAll(async () => {
  database = await open({ idleInTransactionTimeoutMs: 300 });
  const admin = connect(database, "supabase_admin");
  await admin.unsafe(`create role anon; grant anon to authenticator; grant all on schema public to
    postgres; create table public.notes (id int, who text); grant all on public.notes to public;
    create function public.sneak() returns text language sql as
      $$ select set_config('statement_timeout', '7777', false) $$;`);
  await admin.end();
});
afterAll(() => database.close());

test("each client keeps its own settings, role and custom settings between turns", async () => {
  const one = connect(database);
  const two = connect(database, "authenticator");
  await one.unsafe("set search_path = 'one', public; set my.tenant = 'first'");
  await two.unsafe("set role anon; set timezone = 'Europe/Paris'; set my.tenant = 'se''cond'");
  const read = `select current_user::text as who, current_setting('search_path') as path,
    current_setting('timezone') as zone, current_setting('my.tenant', true) as tenant`;
  for (let i = 0; i < 3; i++) {
    expect(await one.unsafe(read)).toEqual([
      { who: "postgres", path: "one, public", zone: "UTC", tenant: "first" },
    ]);
    expect((await two.unsafe(read))[0]).toMatchObject({
      who: "anon",
      zone: "Europe/Paris",
      tenant: "se'cond",
    });
  }
  const three = connect(database);
  expect((await three.unsafe(read))[0]).toMatchObject({ who: "postgres", zone: "UTC" });
  expect((await three.unsafe(read))[0]?.tenant ?? "").toBe("");
  await Promise.all([one.end(), two.end(), three.end()]);
});

test("a setting made inside a function never reaches another client", async () => {
  const one = connect(database);
  const two = connect(database);
  await one`select public.sneak()`;
  const [seen] = await two`select current_setting('statement_timeout') as timeout`;
  expect(seen?.timeout).toBe("0");
  await Promise.all([one.end(), two.end()]);
});

test("a setting named in a bound parameter is kept", async () => {
  const one = connect(database);
  const two = connect(database);
  await one`select set_config(${"app.bound"}, ${"kept"}, ${false})`;
  await two`select 1`;
  const [seen] = await one`select current_setting('app.bound') as value`;
  expect(seen?.value).toBe("kept");
  await Promise.all([one.end(), two.end()]);
});

test("startup and role settings are a client's defaults, also after RESET and DISCARD ALL", async () => {
  const admin = connect(database, "supabase_admin");
  await admin`alter role supabase_auth_admin set search_path = auth`;
  const client = connect(database, "supabase_auth_admin");
  const path = async () => (await client`show search_path`)[0]?.search_path;
  expect(await path()).toBe("auth");
  await client`set search_path = other`;
  await admin`select 1`;
  expect(await path()).toBe("other");
  await client`reset search_path`;
  expect(await path()).toBe("auth");
  await client`set search_path = other`;
  await client.unsafe("discard all");
  expect(await path()).toBe("auth");
  await Promise.all([admin.end(), client.end()]);
});

test("200 parallel transactions of 10 clients see only their own claims", async () => {
  const clients = Array.from({ length: 10 }, () => connect(database, "authenticator"));
  const seen = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const client = clients[i % 10] as (typeof clients)[number];
      return client.begin(async (tx) => {
        await tx`set local role anon`;
        await tx`select set_config('request.jwt.claims', ${`claims ${i}`}, true)`;
        const [row] = await tx`select current_setting('request.jwt.claims') as claims,
          current_user::text as who`;
        return `${row?.who} ${row?.claims}` === `anon claims ${i}`;
      });
    }),
  );
  expect(seen.filter(Boolean)).toHaveLength(200);
  await Promise.all(clients.map((client) => client.end()));
});

test("transactions are never interleaved", async () => {
  const clients = [connect(database), connect(database), connect(database)];
  await clients[0]?.unsafe("truncate public.notes");
  await Promise.all(
    clients.map((client, who) =>
      client.begin(async (tx) => {
        for (let id = 0; id < 5; id++) await tx`insert into notes values (${id}, ${`c${who}`})`;
        const [row] = await tx`select count(distinct xmin::text)::int as mine from notes
          where xmin::text = pg_current_xact_id()::xid::text`;
        expect(row?.mine).toBe(1);
      }),
    ),
  );
  const order = await clients[0]?.unsafe("select who from public.notes order by ctid");
  const runs = (order ?? []).map((row) => row.who).filter((who, i, all) => who !== all[i - 1]);
  expect(runs).toHaveLength(3);
  await Promise.all(clients.map((client) => client.end()));
});

test("a client that disconnects in a transaction has it rolled back", async () => {
  const wire = await Wire.open(database.port, PASSWORD);
  const other = connect(database);
  await other`truncate notes`;
  wire.send(query("begin; insert into notes values (1, 'lost')"));
  await wire.until("Z");
  const counting = other`select count(*)::int as n from notes`;
  wire.end();
  expect((await counting)[0]?.n).toBe(0);
  await other.end();
});

test("a transaction that idles while others wait is ended with 25P03 and rolled back", async () => {
  const wire = await Wire.open(database.port, PASSWORD);
  const other = connect(database);
  await other`truncate notes`;
  wire.send(query("begin; insert into notes values (1, 'idle')"));
  await wire.until("Z");
  expect((await other`select count(*)::int as n from notes`)[0]?.n).toBe(0);
  expect(await wire.until("E")).toEqual(["E25P03"]);
  await other.end();
});

test("a client with a temporary table keeps the database until it drops it", async () => {
  const one = await Wire.open(database.port, PASSWORD);
  const other = connect(database);
  await other`select 1`;
  one.send(query("create temp table mine (a int)"));
  expect(await one.until("Z")).toEqual(["CCREATE TABLE", "ZI"]);
  const waiting = other`select to_regclass('mine') is null as hidden`;
  one.send(query("drop table mine"));
  expect(await one.until("Z")).toEqual(["CDROP TABLE", "ZI"]);
  expect((await waiting)[0]?.hidden).toBe(true);
  one.send(query("select pg_advisory_lock(7)"));
  await one.until("Z");
  const [locks] = await other`select count(*)::int as n from pg_locks where locktype = 'advisory'`;
  expect(locks?.n).toBe(0);
  expect(await one.until("E")).toEqual(["E25P03"]);
  await other.end();
});

test("a wire client cannot become supabase_admin", async () => {
  const client = connect(database, "authenticator");
  for (const sql of [
    "set session authorization supabase_admin",
    "SET SESSION/* */AUTHORIZATION supabase_admin",
    "select set_config('session_authorization', 'supabase_admin', false)",
    "do $$ begin set local session authorization supabase_admin; end $$",
    "do $$ begin execute 'set session' || ' authorization supabase_admin'; end $$",
    "select set_config('session' || '_authorization', 'supabase_admin', false)",
  ]) {
    expect(await failure(client.unsafe(sql))).toMatchObject({ code: "42501" });
  }
  for (const sql of ["reset session authorization", "set session authorization default"])
    await client.unsafe(sql);
  const bound = client`select set_config(${"session_authorization"}, ${"supabase_admin"}, false)`;
  expect(await failure(bound)).toMatchObject({ code: "42501" });
  expect(await failure(client`set role supabase_admin`)).toMatchObject({ code: "42501" });
  expect((await client`select session_user::text as who`)[0]?.who).toBe("authenticator");
  await client.end();
});

test("a client's own functions and operators never run with the arbiter's rights", async () => {
  const client = connect(database);
  const other = connect(database);
  await client.unsafe(`create schema trap;
    create function trap.seize() returns boolean language plpgsql as $$ begin
      execute 'set session' || ' authorization supabase_admin'; return true; end $$;
    create function trap.equal(text, text) returns boolean language sql as 'select trap.seize()';
    create function trap.equal(name, text) returns boolean language sql as 'select trap.seize()';
    create operator trap.= (leftarg = text, rightarg = text, function = trap.equal);
    create operator trap.= (leftarg = name, rightarg = text, function = trap.equal);
    set search_path = trap, pg_catalog`);
  await other`select 1`;
  const [seen] =
    await client`select session_user::text as who, current_setting('is_superuser') as super`;
  expect(seen).toEqual({ who: "postgres", super: "off" });
  await other.unsafe("drop schema trap cascade");
  await Promise.all([client.end(), other.end()]);
});

test("a superuser's SET SESSION AUTHORIZATION stays its own", async () => {
  const admin = connect(database, "supabase_admin");
  const other = connect(database);
  await admin`set session authorization authenticator`;
  expect((await other`select session_user::text as who`)[0]?.who).toBe("postgres");
  expect((await admin`select session_user::text as who`)[0]?.who).toBe("authenticator");
  await Promise.all([admin.end(), other.end()]);
});

test("a statement prepared under SET ROLE comes back with its role", async () => {
  const admin = connect(database, "supabase_admin");
  await admin.unsafe(`create role reader; grant reader to authenticator;
    create schema theirs; create table theirs.rows (a int); insert into theirs.rows values (7);
    grant usage on schema theirs to reader; grant select on theirs.rows to reader`);
  const one = await Wire.open(database.port, PASSWORD, "authenticator");
  one.send(query("set role reader; prepare q as select a from theirs.rows"));
  await one.until("Z");
  await admin`select 1`;
  one.send(query("execute q"));
  expect(await one.until("Z")).toContain("D7");
  one.end();
  await admin.end();
});

test("settings that a client makes for the database apply to clients, not to the program's own sessions", async () => {
  const owner = connect(database);
  const settings = ["role = 'authenticator'", "default_transaction_read_only = on"];
  for (const setting of settings) await owner.unsafe(`alter database postgres set ${setting}`);
  const [admin, client] = [connect(database, "supabase_admin"), connect(database)];
  await admin.unsafe("create table if not exists public.own_rows ()");
  expect((await admin`select current_user::text as who`)[0]?.who).toBe("supabase_admin");
  // This client may not become `authenticator`, so Postgres ignores the setting of the role when the client
  // signs in.
  expect(
    await client`select current_user::text as who, current_setting('transaction_read_only') as ro`,
  ).toMatchObject([{ who: "postgres", ro: "on" }]);
  for (const name of ["role", "default_transaction_read_only"])
    await admin.unsafe(`alter database postgres reset ${name}`);
  await Promise.all([owner.end(), admin.end(), client.end()]);
});
