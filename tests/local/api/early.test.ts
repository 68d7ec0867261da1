/** A broadcast arrives before the commit that caused it is visible, as with a hosted Realtime. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { StoredMessage } from "../../../local/src/realtime/index.ts";
import { openProject, type Project } from "./harness.ts";

const sql = `
  create table notes (id int primary key, n int not null default 0);
  create table parents (id int primary key);
  create table children (id int, parent int references parents deferrable initially deferred);
  alter table notes enable row level security;
  alter table children enable row level security;
  create policy all_notes on notes to anon using (true) with check (true);
  create policy all_children on children to anon using (true) with check (true);
  insert into notes values (0);
  create function note(id int) returns void language sql security definer set search_path = ''
  as $$
    insert into public.notes values (id);
    select realtime.send(jsonb_build_object('note', id), 'noted', 'notes', false);
  $$;
  create function bump() returns void language sql security definer set search_path = ''
  as $$
    update public.notes set n = n + 1 where id = 0;
    select realtime.send('{}', 'bumped', 'notes', false);
  $$;
  create function orphan() returns void language sql security definer set search_path = ''
  as $$
    insert into public.children values (1, 404);
    select realtime.send('{}', 'orphaned', 'notes', false);
  $$;
  create function half() returns void language plpgsql security definer set search_path = ''
  as $$
  begin
    perform realtime.send('{"half":1}', 'kept', 'notes', false);
    begin
      perform realtime.send('{"half":2}', 'undone', 'notes', false);
      raise exception 'undone';
    exception when others then null;
    end;
  end
  $$;
  create function listed() returns void language plpgsql security definer set search_path = ''
  as $$
  begin
    create temporary table listed_now as select 1 as one;
    perform realtime.send('{}', 'listed', 'notes', false);
    drop table listed_now;
  end
  $$;
`;

let project: Project;
let heard = true;
let told: StoredMessage[] = [];
let onDeliver: () => void = () => undefined;

beforeAll(async () => {
  project = await openProject(sql, {
    leadMs: 4_000,
    heard: () => heard,
    deliver: (messages) => {
      told.push(...messages);
      onDeliver();
    },
  });
});
beforeEach(() => {
  // The lead is 100 ms.
  vi.spyOn(Math, "random").mockReturnValue(0.025);
});
afterEach(() => {
  vi.restoreAllMocks();
  heard = true;
  told = [];
  onDeliver = () => undefined;
});
afterAll(() => project?.close());

const anon = () => project.client(project.keys.publishableKey);
const events = () => told.map(({ event }) => event);

test("another client does not find the row at once, but the caller does", async () => {
  // The other client's query must end within the lead, also on a busy machine.
  vi.mocked(Math.random).mockReturnValue(0.5);
  const asked = Promise.withResolvers<unknown>();
  onDeliver = () => {
    asked.resolve(
      anon()
        .from("notes")
        .select("id")
        .eq("id", 1)
        .then(({ data }) => data),
    );
  };
  expect((await anon().rpc("note", { id: 1 })).error).toBeNull();
  expect(await asked.promise).toEqual([]);
  expect((await anon().from("notes").select("id").eq("id", 1)).data).toEqual([{ id: 1 }]);
  expect(told.map(({ topic, private: isPrivate }) => [topic, isPrivate])).toEqual([
    ["notes", false],
  ]);
  expect(JSON.parse(told[0]?.payload ?? "")).toMatchObject({ note: 1 });
});

test("writes wait for a row that an invisible commit has locked", async () => {
  const bumps = Array.from({ length: 12 }, () => anon().rpc("bump"));
  expect((await Promise.all(bumps)).map(({ error }) => error)).toEqual(bumps.map(() => null));
  expect((await anon().from("notes").select("n").eq("id", 0)).data).toEqual([{ n: 12 }]);
  expect(events()).toEqual(bumps.map(() => "bumped"));
});

test("nothing is sent if a constraint fails at the commit", async () => {
  const { error } = await anon().rpc("orphan");
  expect(error?.code).toBe("23503");
  await anon().rpc("note", { id: 2 });
  expect(events()).toEqual(["noted"]);
});

test("nothing is sent that a savepoint has undone", async () => {
  await anon().rpc("half");
  expect(events()).toEqual(["kept"]);
});

test("a transaction that cannot be held is committed, and sends once", async () => {
  expect((await anon().rpc("listed")).error).toBeNull();
  expect(events()).toEqual(["listed"]);
});

test("nothing waits if nobody listens, and Realtime still gets the message", async () => {
  heard = false;
  const visible = Promise.withResolvers<unknown>();
  onDeliver = () => {
    visible.resolve(
      anon()
        .from("notes")
        .select("id")
        .eq("id", 3)
        .then(({ data }) => data),
    );
  };
  await anon().rpc("note", { id: 3 });
  expect(await visible.promise).toEqual([{ id: 3 }]);
});

test("other clients of the database continue beside endless writes", async () => {
  let writing = true;
  const writer = (async () => {
    while (writing) await anon().rpc("bump");
  })();
  for (let i = 0; i < 5; i++) await project.owner`update notes set n = 0 where id = 0`;
  writing = false;
  await writer;
});
