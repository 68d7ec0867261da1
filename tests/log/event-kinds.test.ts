/** Each kind of event belongs to a scope, and a reader gets the kinds of its scopes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  actAs,
  inTenant,
  machineClaims,
  makeAgent,
  makePerson,
  makeTenant,
  rpc,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { putOf } from "#harness/operations";
import { type Caller, fillTenant, type Victim } from "#harness/sweep";

interface Kind {
  kind: string;
  scope: string;
  admin_scope: string | null;
}

let db: TestDatabase;
let victim: Victim;
let kinds: Kind[];
beforeAll(async () => {
  db = await openTestDatabase();
  victim = await fillTenant(db.sql);
  kinds = await db.sql<Kind[]>`select kind, scope, admin_scope from mayfly.event_kinds order by 1`;
});
afterAll(() => db.close());

const typesIn = (caller: Caller) =>
  actAs(
    db.sql,
    caller.claims,
    async (session) =>
      (await session`select distinct type from mayfly.events order by 1`).map(
        (row) => row.type as string,
      ),
    caller.headers,
  );

describe("the kinds of events", () => {
  it("are all registered, both in triggers and in a tenant's log", async () => {
    const writers = await db.sql`
      select p.proname as name, p.prosrc as source from pg_proc p
      where p.prosrc ~ 'insert into mayfly\\.events'`;
    expect(writers.length).toBeGreaterThan(5);
    const named = writers.flatMap(({ source }) =>
      [...(source as string).matchAll(/'([a-z]+\.[a-z_]+)'/g)].map(([, kind]) => kind as string),
    );
    const seen = (
      await db.sql`select distinct type from mayfly.events where tenant_id = ${victim.tenant}`
    ).map(({ type }) => type as string);
    const known = kinds.map(({ kind }) => kind);
    expect([...new Set([...named, ...seen])].filter((kind) => !known.includes(kind))).toEqual([]);
  });

  it("name existing scopes", async () => {
    const rows = await db.sql`
      select k.kind from mayfly.event_kinds k
      where not exists (select from mayfly.scopes s where s.name = k.scope)
        or (k.admin_scope is not null and not exists (select from mayfly.scopes s where s.name = k.admin_scope))`;
    expect([...rows]).toEqual([]);
  });

  it("are shown only by scope: an agent with one scope sees exactly its kinds", async () => {
    const all = (await typesIn({ claims: victim.owner })).filter(Boolean);
    expect(new Set(all.map((type) => type.split(".")[0])).size).toBeGreaterThan(4);
    for (const scope of new Set(kinds.map((kind) => kind.scope))) {
      const { claims } = await makeAgent(db.sql, victim.tenant, { scopes: [scope] });
      const seen = await typesIn({ claims });
      const foreign = seen.filter(
        (type) => kinds.find(({ kind }) => kind === type)?.scope !== scope,
      );
      expect(foreign, scope).toEqual([]);
      expect(seen.length, scope).toBeGreaterThan(0);
    }
    const { claims } = await makeAgent(db.sql, victim.tenant, { scopes: ["memory:write"] });
    expect(await typesIn({ claims })).toEqual([]);
    expect(await typesIn({ claims: machineClaims(victim.key) })).toEqual([]);
  });

  it("are shown to a person by their role in each tenant", async () => {
    const [mine, theirs] = [await makeTenant(db.sql), await makeTenant(db.sql)];
    // A scope that viewers do not have, like scopes of later rooms.
    await db.sql`update mayfly.event_kinds set scope = 'memory:write' where kind = 'memory.created'`;
    const person = await makePerson(db.sql, { [mine]: "owner", [theirs]: "viewer" });
    for (const tenant of [mine, theirs]) {
      const { claims } = await makeAgent(db.sql, tenant);
      const push = [putOf()] as never;
      await actAs(db.sql, claims, (session) => session`select mayfly.sync(${session.json(push)})`);
    }
    const rows = await actAs(
      db.sql,
      person,
      (session) => session`select tenant_id from mayfly.events where type = 'memory.created'`,
    );
    expect(rows.map((row) => row.tenant_id)).toEqual([mine]);
    await db.sql`update mayfly.event_kinds set scope = 'memory:read' where kind = 'memory.created'`;
  });

  it("for one agent are shown to others only with the kind's admin scope", async () => {
    const [row] = await db.sql`
      select count(*)::int as count from mayfly.events
      where tenant_id = ${victim.tenant} and type like 'message.%' and audience is not null`;
    expect(row?.count).toBeGreaterThan(0);
    const seenWith = async (scopes: string[]) => {
      const { claims } = await makeAgent(db.sql, victim.tenant, { scopes });
      const rows = await actAs(
        db.sql,
        claims,
        (session) =>
          session`select type from mayfly.events where audience is not null and type like 'message.%'`,
      );
      return rows.length;
    };
    expect(await seenWith(["message:read", "memory:read", "memory:admin"])).toBe(0);
    expect(await seenWith(["message:read", "message:admin"])).toBe(row?.count);
  });

  it("are the same in the policy and in read_log, for every caller", async () => {
    const since = await db.sql.begin(async (session) => {
      const [row] = await session`select mayfly_private.close_cursor(jsonb_build_object(
        'e', mayfly_private.current_epoch(), 's', '3:3:')) as cursor`;
      return row?.cursor as string;
    });
    const callers: Record<string, Caller> = {
      owner: { claims: victim.owner },
      viewer: { claims: victim.viewer },
      agent: { claims: victim.agent.claims },
      "secret key": { claims: serviceRole, headers: inTenant(victim.tenant) },
    };
    for (const { scope } of kinds)
      callers[scope] = {
        claims: (await makeAgent(db.sql, victim.tenant, { scopes: [scope] })).claims,
      };
    for (const [who, { claims, headers }] of Object.entries(callers)) {
      const ids = await actAs(
        db.sql,
        claims,
        (session) =>
          session`select id::int from mayfly.events where tenant_id = ${victim.tenant} order by xid, id`,
        headers,
      );
      const { events } = await rpc<{ events: { id: number }[] }>(
        db.sql,
        claims,
        "read_log",
        { since, page_limit: 1000 },
        headers,
      );
      expect(
        events.map(({ id }) => id),
        who,
      ).toEqual(ids.map(({ id }) => id));
      expect(events.length, who).toBeGreaterThan(0);
    }
  });
});
