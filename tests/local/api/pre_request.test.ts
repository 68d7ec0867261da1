import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openProject, type Project } from "./harness.ts";

/** A hook that returns what it sees if a header asks for that, and otherwise makes a setting for the query. */
const hook = `
  create schema gate;
  grant usage on schema gate to public;
  create function gate.first() returns void language plpgsql as $$
  declare
    headers constant jsonb := current_setting('request.headers')::jsonb;
  begin
    if headers ? 'x-tell' then
      raise sqlstate 'PGRST' using detail = '{"status": 418, "headers": {"x-from": "hook"}}',
        message = jsonb_build_object('code', 'told', 'message', concat_ws(' ', current_user,
          current_setting('request.method'), current_setting('request.path'),
          split_part(current_setting('search_path'), ',', 1), current_setting('transaction_read_only'),
          current_setting('request.jwt.claims')::jsonb ->> 'role'))::text;
    end if;
    perform set_config('app.seen', headers ->> 'x-mark', true);
    if headers ? 'x-write' then
      insert into public.calls (path) values (current_setting('request.path'));
    end if;
  end $$;
  create table calls (path text);
  create table things (id int primary key);
  insert into things values (1);
  create function seen() returns text language sql stable return nullif(current_setting('app.seen', true), '');
  create function seen_by(variadic words text[]) returns text language sql return nullif(current_setting('app.seen', true), '');
  create schema if not exists mayfly;
  grant usage on schema mayfly to anon, authenticated, service_role;
  create table mayfly.rows (id int primary key);
  grant all on mayfly.rows to anon, authenticated, service_role;
`;

let project: Project;
beforeAll(async () => {
  project = await openProject(hook);
});
afterAll(() => project.close());

/**
 * Sets the hook only for this database, because tests share a cluster. A hosted project sets it for all
 * databases.
 */
const set = async (value: string) => {
  const [row] = await project.owner`select current_database() as name`;
  await project.owner.unsafe(
    `alter role authenticator in database ${row?.name} ${value}; notify pgrst, 'reload config'`,
  );
};
const setHook = (name: string) => set(`set pgrst.db_pre_request = '${name}'`);

const ask = (path: string, options: RequestInit = {}) =>
  fetch(`${project.url}/rest/v1${path}`, {
    ...options,
    headers: {
      apikey: project.keys.publishableKey,
      "content-type": "application/json",
      ...options.headers,
    },
  });
const told = async (path: string, options: RequestInit = {}) => {
  const response = await ask(path, { ...options, headers: { ...options.headers, "x-tell": "1" } });
  const { message } = (await response.json()) as { message: string };
  return { status: response.status, from: response.headers.get("x-from"), message };
};

describe("pgrst.db_pre_request", () => {
  beforeEach(async () => {
    await setHook("gate.first");
    await expect.poll(async () => (await told("/things")).status).toBe(418);
  });

  it("runs before every request of every schema, as the caller's role and with its settings", async () => {
    const token = await project.token();
    const as = (authorization: string) => ({ authorization: `Bearer ${authorization}` });
    const secret = { apikey: project.keys.secretKey };
    const inMayfly = { "accept-profile": "mayfly", "content-profile": "mayfly" };
    const post = { method: "POST", body: "{}" };
    for (const [path, options, message] of [
      ["/things", {}, 'anon GET /things "public" on anon'],
      ["/things", { headers: as(token) }, 'authenticated GET /things "public" on authenticated'],
      ["/things", { headers: secret }, 'service_role GET /things "public" on service_role'],
      ["/rows", { headers: inMayfly }, 'anon GET /rows "mayfly" on anon'],
      ["/things", { ...post, body: '{"id": 2}' }, 'anon POST /things "public" off anon'],
      [
        "/things?id=eq.1",
        { method: "PATCH", body: '{"id": 3}' },
        'anon PATCH /things "public" off anon',
      ],
      ["/things?id=eq.1", { method: "DELETE" }, 'anon DELETE /things "public" off anon'],
      ["/rpc/seen", post, 'anon POST /rpc/seen "public" on anon'],
      ["/rpc/seen", {}, 'anon GET /rpc/seen "public" on anon'],
      [
        "/rpc/seen_by",
        { ...post, body: '{"words": ["a"]}' },
        'anon POST /rpc/seen_by "public" off anon',
      ],
    ] as [string, RequestInit, string][])
      expect(await told(path, options), message).toEqual({ status: 418, from: "hook", message });
    expect(await told("/", { headers: secret })).toMatchObject({
      status: 418,
      message: 'service_role GET / "public" on service_role',
    });
    expect((await ask("/things", { method: "HEAD", headers: { "x-tell": "1" } })).status).toBe(418);
    expect((await project.owner`select from things`).count).toBe(1);
  });

  it("shares the request's transaction, so its settings are seen, and its writes are undone with the query", async () => {
    const marked = { headers: { "x-mark": "by the hook" } };
    expect(await (await ask("/rpc/seen", marked)).json()).toBe("by the hook");
    const writing = (body: string) =>
      ask("/things", { method: "POST", body, headers: { "x-write": "1" } });
    expect((await writing('{"id": 7}')).status).toBe(201);
    expect((await writing('{"id": 1}')).status).toBe(409);
    expect(await project.owner`select path from calls`).toEqual([{ path: "/things" }]);
    // A read is also read-only for the hook.
    const read = await ask("/things", { headers: { "x-write": "1" } });
    expect([read.status, await read.json()]).toMatchObject([405, { code: "25006" }]);
  });

  it("stops the whole API if it does not exist, or if a role may not call it", async () => {
    await project.owner`revoke usage on schema gate from public`;
    expect([(await ask("/things")).status, (await ask("/rpc/seen")).status]).toEqual([401, 401]);
    await project.owner`grant usage on schema gate to public`;
    await setHook("gate.nothing");
    await expect
      .poll(async () => (await (await ask("/things")).json()) as object)
      .toMatchObject({ code: "42883" });
    expect((await ask("/rpc/seen")).status).toBe(404);
  });

  it("is read again on a reload, and no longer runs after a reset", async () => {
    await set("reset pgrst.db_pre_request");
    await expect.poll(async () => (await told("/things")).status).toBe(200);
    expect(await (await ask("/rpc/seen", { headers: { "x-mark": "x" } })).json()).toBeNull();
  });
});
