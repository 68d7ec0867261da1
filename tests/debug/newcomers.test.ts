import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAgent, makePerson, makeTenant, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

it("the spawn of an agent with debug:write is announced at once to anyone who watches every agent", async () => {
  const tenant = await makeTenant(db.sql);
  const member = await makePerson(db.sql, { [tenant]: "member" });
  const spawn = (scopes = ["debug:write"]) => makeAgent(db.sql, tenant, { scopes });
  const lease = (for_agent?: string) =>
    rpc(db.sql, member, "lease_debug", { level: 1, ...(for_agent && { for_agent }) });
  const told = async () => {
    const rows = await db.sql`
      select payload -> 'agents' as agents from realtime.messages
      where topic = ${`tenant:${tenant}:debug:new`} and event = 'spawned' order by inserted_at`;
    return rows.map(({ agents }) => agents);
  };
  await lease((await spawn()).id);
  await spawn();
  expect(await told()).toEqual([]);
  const counted = async () => {
    const [row] = await db.sql`
      select coalesce(sum(told), 0)::int as told from mayfly_private.tenant_usage where tenant_id = ${tenant}`;
    return row?.told;
  };
  // If nobody has to be told about a spawn, the spawn uses up none of the allowed broadcasts.
  expect(await counted()).toBe(0);
  await lease();
  await spawn(["memory:read"]);
  const { id } = await spawn();
  expect(await told()).toEqual([[id]]);
  await db.advance("61 seconds");
  await spawn();
  expect(await told()).toEqual([[id]]);
});

it("a child of a stopped agent is not told about a new level", async () => {
  const tenant = await makeTenant(db.sql);
  const member = await makePerson(db.sql, { [tenant]: "member" });
  const parent = await makeAgent(db.sql, tenant, { scopes: ["agent:spawn", "debug:write"] });
  const child = await makeAgent(db.sql, tenant, { as: parent.claims, scopes: ["debug:write"] });
  await rpc(db.sql, child.claims, "debug_level");
  const lease = () =>
    rpc<{ agents: number }>(db.sql, member, "lease_debug", { level: 1, for_agent: child.id });
  expect((await lease()).agents).toBe(1);
  await rpc(db.sql, parent.claims, "stop_agent");
  expect((await lease()).agents).toBe(0);
});
