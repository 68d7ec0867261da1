import { connect as dial } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, keepStatistics } from "../../../local/src/db/index.ts";
import { code, int32, query, sync } from "../../../local/src/db/protocol.ts";
import { analyzeChanged } from "../../../local/src/db/statistics.ts";
import { connect, failure, open, PASSWORD, quiet } from "./harness.ts";
import { bind, describe, execute, flush, parse, Wire } from "./wire.ts";

let database: Database;
const wire = () => Wire.open(database.port, PASSWORD);
const batch = (...parts: Buffer[]) => Buffer.concat([...parts, sync]);

beforeAll(async () => {
  database = await open();
  const admin = connect(database, "supabase_admin");
  await admin.unsafe("grant all on schema public to postgres");
  await admin.end();
});
afterAll(() => database.close());

test("two clients may use the same statement name", async () => {
  const [one, two] = [await wire(), await wire()];
  one.send(batch(parse("s", "select 'one'")));
  two.send(batch(parse("s", "select 'two'")));
  expect(await one.until("Z")).toEqual(["1", "ZI"]);
  expect(await two.until("Z")).toEqual(["1", "ZI"]);
  one.send(batch(bind("s"), execute()));
  two.send(batch(bind("s"), execute()));
  expect(await one.until("Z")).toEqual(["2", "Done", "CSELECT 1", "ZI"]);
  expect(await two.until("Z")).toEqual(["2", "Dtwo", "CSELECT 1", "ZI"]);
  two.send(query("deallocate all"));
  expect(await two.until("Z")).toEqual(["CDEALLOCATE ALL", "ZI"]);
  two.send(batch(bind("s")));
  expect(await two.until("Z")).toEqual(["E26000", "ZI"]);
  one.send(batch(bind("s"), execute()));
  expect(await one.until("Z")).toContain("Done");
  one.end();
  two.end();
});

test("the unnamed statement outlives a Sync and another client's turn", async () => {
  const [one, two] = [await wire(), await wire()];
  one.send(batch(parse("", "select 'mine'"), describe("")));
  expect(await one.until("Z")).toEqual(["1", "t", "T", "ZI"]);
  two.send(batch(parse("", "select 'other'"), bind(""), execute()));
  expect(await two.until("Z")).toEqual(["1", "2", "Dother", "CSELECT 1", "ZI"]);
  one.send(batch(bind(""), execute()));
  expect(await one.until("Z")).toEqual(["2", "Dmine", "CSELECT 1", "ZI"]);
  one.end();
  two.end();
});

test("SQL-level prepared statements are kept apart and come back", async () => {
  const [one, two] = [await wire(), await wire()];
  one.send(query("prepare p as select 'one'"));
  await one.until("Z");
  two.send(query("prepare p as select 'two'; select 1"));
  expect(await two.until("Z")).not.toContain("E42P05");
  for (const [client, own] of [
    [one, "Done"],
    [two, "Dtwo"],
    [one, "Done"],
  ] as const) {
    client.send(query("execute p"));
    expect(await client.until("Z")).toContain(own);
  }
  one.send(query("deallocate p"));
  await one.until("Z");
  two.send(query("execute p"));
  expect(await two.until("Z")).toContain("Dtwo");
  one.send(query("execute p"));
  expect(await one.until("Z")).toEqual(["E26000", "ZI"]);
  one.end();
  two.end();
});

test("an error in a pipeline skips to its Sync, which is answered once", async () => {
  const one = await wire();
  one.send(batch(parse("", "select 1/0"), bind(""), execute(), parse("", "select 7"), bind("")));
  one.send(batch(parse("", "select 8"), bind(""), execute()));
  expect(await one.until("Z")).toEqual(["1", "E22012", "ZI"]);
  expect(await one.until("Z")).toEqual(["1", "2", "D8", "CSELECT 1", "ZI"]);
  one.end();
});

test("Flush is answered, and the client keeps its turn until Sync", async () => {
  const one = await wire();
  const two = await wire();
  one.send(Buffer.concat([parse("", "select generate_series(1, 3)"), bind(""), execute(2), flush]));
  expect(await one.until("s")).toEqual(["1", "2", "D1", "D2", "s"]);
  two.send(query("select 'waits'"));
  one.send(Buffer.concat([execute(0), sync]));
  expect(await one.until("Z")).toEqual(["D3", "CSELECT 1", "ZI"].map((x) => x));
  expect(await two.until("Z")).toContain("Dwaits");
  one.end();
  two.end();
});

test("COPY FROM STDIN is refused, COPY TO STDOUT works, and the database continues", async () => {
  const one = await wire();
  one.send(query("create table copied (a int); insert into copied values (5)"));
  await one.until("Z");
  one.send(query("copy /* so */ copied (a) from stdin"));
  expect(await one.until("Z")).toEqual(["E0A000", "ZI"]);
  one.send(batch(parse("", "copy copied from stdin"), bind(""), execute()));
  expect(await one.until("Z")).toEqual(["E0A000", "ZI"]);
  // The check of statement texts misses this COPY. So the worker has to answer Postgres, which waits for data.
  one.send(query("set standard_conforming_strings = off"));
  await one.until("Z");
  one.send(query("select 'a\\' '; copy copied from stdin --'"));
  expect((await one.until("Z")).filter((m) => m.startsWith("E"))).toEqual(["E57014"]);
  one.send(query("copy copied to stdout"));
  expect(await one.until("Z")).toEqual(["H", "d", "c", "CCOPY 1", "ZI"]);
  one.end();
});

test("messages may arrive in any pieces; large inputs and large results pass", async () => {
  const one = await wire();
  for (const byte of query("select 'in pieces'")) one.send(Buffer.from([byte]));
  expect(await one.until("Z")).toContain("Din pieces");
  one.end();
  const client = connect(database);
  const [input] = await client`select length(${"x".repeat(4 << 20)}) as n`;
  expect(input?.n).toBe(4 << 20);
  const output = await client`select repeat('y', 1000) as y from generate_series(1, 50000)`;
  expect(output).toHaveLength(50_000);
  await client.end();
});

test("a broken message ends its own connection only", async () => {
  const [one, two, three] = [await wire(), await wire(), await wire()];
  one.send(Buffer.from([code("z"), 0, 0, 0, 4]));
  expect(await one.until("E")).toEqual(["E08P01"]);
  two.send(Buffer.from([code("Q"), 0, 0, 0, 1]));
  expect(await two.until("E")).toEqual(["E08P01"]);
  three.send(query("select 1"));
  expect(await three.until("Z")).toContain("D1");
  three.end();
});

test("a statement that waits can be cancelled", async () => {
  const [one, two] = [await wire(), await wire()];
  one.send(query("begin"));
  await one.until("Z");
  two.send(query("select 'never'"));
  one.send(query("select 1"));
  await one.until("Z");
  const cancel = dial(database.port, "127.0.0.1");
  cancel.end(Buffer.concat([int32(16), int32(80877102), int32(two.pid), int32(two.secret)]));
  expect(await two.until("Z")).toEqual(["E57014", "ZI"]);
  one.send(query("commit"));
  await one.until("Z");
  two.send(query("select 'alive'"));
  expect(await two.until("Z")).toContain("Dalive");
  one.end();
  two.end();
});

test("wrong passwords, unknown users and databases are refused", async () => {
  const url = new URL(database.url("postgres"));
  const tries: [Partial<URL>, string][] = [
    [{ password: "wrong" }, "28P01"],
    [{ username: "nobody" }, "28P01"],
    [{ pathname: "/template1" }, "3D000"],
  ];
  const { default: postgres } = await import("postgres");
  for (const [change, sqlstate] of tries) {
    const sql = postgres(Object.assign(new URL(url), change).href, { max: 1 });
    expect((await failure(sql`select 1`)).code).toBe(sqlstate);
    await sql.end();
  }
});

test("NOTIFY reaches idle listeners at commit, and only those who listen", async () => {
  const [listener, notifier, other] = [connect(database), connect(database), await wire()];
  const heard: string[] = [];
  let wake: () => void = () => undefined;
  const { unlisten } = await listener.listen("news", (payload) => {
    heard.push(payload);
    wake();
  });
  other.send(query("listen news; listen more"));
  await other.until("Z");
  const delivered = new Promise<void>((resolve) => {
    wake = resolve;
  });
  await notifier.begin(async (tx) => {
    await tx`select pg_notify('news', 'hello')`;
    await tx`select pg_notify('unheard', 'nobody')`;
  });
  await delivered;
  expect(heard).toEqual(["hello"]);
  expect((await other.next("A")).subarray(4).toString()).toBe("news\0hello\0");
  // One client's UNLISTEN and DISCARD ALL leave the other's subscription alone.
  await unlisten();
  await notifier.unsafe("discard all");
  await notifier`select pg_notify('news', 'again')`;
  expect((await other.next("A")).subarray(4).toString()).toBe("news\0again\0");
  expect(heard).toEqual(["hello"]);
  other.send(query("begin; listen never; rollback"));
  await other.until("Z");
  await notifier.unsafe("notify never; notify more, 'last'");
  expect((await other.next("A")).subarray(4).toString()).toBe("more\0last\0");
  other.end();
  await Promise.all([listener.end(), notifier.end()]);
});

test("a slow statement blocks the database only, not this thread's timers", async () => {
  const client = connect(database);
  await client`select 1`;
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);
  await client`select pg_sleep(0.5)`;
  clearInterval(timer);
  // In a blocked thread, all due ticks become one. A busy machine may skip most of the fifty.
  expect(ticks).toBeGreaterThan(2);
  await client.end();
});

test("a changed table is analyzed, as by autovacuum, and not again until it changes", async () => {
  const admin = connect(database, "supabase_admin");
  const rows = async (table: string) =>
    (await admin`select reltuples::int as rows from pg_class where relname = ${table}`)[0]?.rows;
  await admin.unsafe(`
    create table grown as select n from generate_series(1, 1000) n;
    create table small as select n from generate_series(1, 50) n`);
  expect(await rows("grown")).toBe(-1);
  const analyzed = await analyzeChanged(admin);
  expect(analyzed).toContain("public.grown");
  expect(analyzed).not.toContain("public.small");
  expect(await rows("grown")).toBe(1000);
  expect(await analyzeChanged(admin)).not.toContain("public.grown");

  await admin`insert into grown select n from generate_series(1, 1000) n`;
  const end = keepStatistics(database.url("supabase_admin"), quiet, 10);
  await expect.poll(() => rows("grown"), { timeout: 20_000 }).toBe(2000);
  await end();
  await admin.unsafe("drop table grown, small");
  await admin.end();
});

test("a recursion that is too deep is an error of its statement, in functions, triggers, text and JSON", async () => {
  const sql = connect(database);
  await sql.unsafe(`
    create table deep (a int);
    create function deep_function() returns int language plpgsql as $$ begin return public.deep_function() + 1; end $$;
    create function deep_trigger() returns trigger language plpgsql as
      $$ begin insert into public.deep values (1); return new; end $$;
    create trigger deep_trigger after insert on deep for each row execute function deep_trigger();
    create function nested(n int) returns int language plpgsql as
      $$ begin return case when n = 0 then 0 else public.nested(n - 1) + 1 end; end $$;`);
  for (const endless of [
    "select deep_function()",
    "insert into deep values (1)",
    "select (repeat('[', 300000) || repeat(']', 300000))::jsonb",
    `select 1${" + 1".repeat(50_000)}`,
  ]) {
    expect(await failure(sql.unsafe(endless))).toEqual({
      code: "54001",
      message: "stack depth limit exceeded",
    });
  }
  expect(await sql`select nested(1000), (select count(*)::int from deep)`).toMatchObject([
    { nested: 1000, count: 0 },
  ]);
  await sql.end();
});

test("errors free their stack", async () => {
  const sql = connect(database);
  await sql.unsafe(`create function failing(n int) returns int language plpgsql as
    $$ begin if n = 0 then raise exception 'so'; end if; return public.failing(n - 1); end $$`);
  // 100 levels take 150 KB of the available 8 MB.
  for (let n = 0; n < 100; n++)
    expect(await failure(sql.unsafe("select failing(100)"))).toMatchObject({ message: "so" });
  expect(await sql`select nested(1000)`).toMatchObject([{ nested: 1000 }]);
  await sql.end();
});
