import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RawClient } from "./client.ts";
import { alice, openDatabase, startProject, type TestDatabase, userToken } from "./harness.ts";

let database: TestDatabase;
let owner: postgres.Sql;

beforeAll(async () => {
  database = await openDatabase();
  owner = postgres(database.ownerUrl, { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  await owner?.end();
  await database?.close();
});

test("a project's owner can create and drop policies on realtime.messages", async () => {
  await owner`create policy mine on realtime.messages for select to authenticated using (true)`;
  await owner`alter policy mine on realtime.messages using (false)`;
  await owner`drop policy mine on realtime.messages`;
});

test.each([
  "alter table realtime.messages add column mine text",
  "alter table realtime.messages disable row level security",
  "comment on table realtime.messages is 'mine'",
  "create index mine on realtime.messages (topic)",
  "drop trigger _realtime_notify on realtime.messages",
  "drop table realtime.messages",
])("a project's owner cannot: %s", async (statement) => {
  await expect(owner.unsafe(statement)).rejects.toMatchObject({ code: "42501" });
});

test("a project's owner can create nothing else in the schema", async () => {
  await expect(owner`create table realtime.mine (id int)`).rejects.toMatchObject({ code: "42501" });
  await expect(owner`set role supabase_realtime_admin`).rejects.toMatchObject({ code: "42501" });
});

test("the API roles cannot ask for another role's permissions", async () => {
  await database.sql
    .begin(async (sql) => {
      await sql`set local role authenticated`;
      const ask = sql`select _realtime.authorize('read', 't', 'service_role', '{}', '{}', true)`;
      await expect(ask).rejects.toMatchObject({ code: "42501" });
    })
    .catch(() => {});
});

test("asking for permissions leaves no row and no setting behind", async () => {
  const claims = JSON.stringify({ sub: "11111111-1111-4111-8111-111111111111" });
  const count = () => database.sql`select count(*)::int as n from realtime.messages`;
  const [before] = await count();
  for (const wanted of ["read", "write"]) {
    const [row] = await database.sql`
      select *, current_user as who, realtime.topic() as topic
      from _realtime.authorize(${wanted}, 'priv:x', 'authenticated', ${claims}, '{}', true)`;
    expect(row).toEqual({
      broadcast: true,
      presence: true,
      problem: null,
      who: "supabase_admin",
      topic: null,
    });
  }
  expect(await count()).toEqual([before]);
});

test("many rows of one statement are announced in their order", async () => {
  const heard: string[] = [];
  const done = Promise.withResolvers<void>();
  const listener = postgres(database.url, { max: 1 });
  await listener.listen("realtime_messages", (payload) => {
    heard.push(...JSON.parse(payload).ids);
    if (heard.length >= 400) done.resolve();
  });
  const rows = await database.sql`
    insert into realtime.messages (topic, extension, event, payload)
    select 'many', 'broadcast', 'e', jsonb_build_object('n', n) from generate_series(1, 400) n
    returning id`;
  await done.promise;
  expect(heard).toEqual(rows.map(({ id }) => id));
  await listener.end();
});

test("without a partition for today sending only warns, and permissions cannot be asked", async () => {
  const { sql } = database;
  const [today] = await sql`
    select 'realtime.messages_' || to_char(timezone('utc', now()), 'YYYY_MM_DD') as name`;
  await sql.unsafe(`drop table ${today?.name}`);
  const warned: string[] = [];
  const sender = postgres(database.url, {
    max: 1,
    onnotice: ({ message }) => warned.push(message ?? ""),
  });
  await sender`select realtime.send('{}', 'e', 'slept', false)`;
  expect(warned).toEqual([
    'WarnSendingBroadcastMessage: no partition of relation "messages" found for row',
  ]);
  await sender.end();

  const project = await startProject(database.url);
  await sql.unsafe(`drop table ${today?.name}`);
  const url = `${project.url.replace("http", "ws")}/realtime/v1/websocket?vsn=2.0.0`;
  const client = await new RawClient(`${url}&apikey=${project.keys.publishableKey}`).open();
  const payload = { config: { private: true }, access_token: await userToken(alice) };
  client.send(JSON.stringify(["1", "1", "realtime:priv:room", "phx_join", payload]));
  const { text } = await client.take((frames) => frames.length - 1, "an answer");
  expect(text).toContain(
    '"reason":"MissingPartition: Realtime was unable to find the expected messages partition"',
  );
  await project.close();
  await sql`select _realtime.maintain_partitions()`;
  const [made] = await sql`select to_regclass(${today?.name}) is not null as there`;
  expect(made?.there).toBe(true);
});

test("partitions older than 72 hours are dropped", async () => {
  const { sql } = database;
  await sql.unsafe(`create table realtime.messages_2020_01_01 partition of realtime.messages
    for values from ('2020-01-01') to ('2020-01-02')`);
  await sql`select _realtime.maintain_partitions()`;
  const [gone] = await sql`select to_regclass('realtime.messages_2020_01_01') as table`;
  expect(gone?.table).toBeNull();
});
