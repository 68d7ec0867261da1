import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { machineClaims, makeAgent, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { type Caller, fillTenant, makeStrangers, sweeps, type Victim } from "#harness/sweep";

let db: TestDatabase;
let victim: Victim;
let strangers: Record<string, Caller>;
let topics: Record<string, string>;
beforeAll(async () => {
  db = await openTestDatabase();
  victim = await fillTenant(db.sql);
  strangers = await makeStrangers(db.sql, victim);
  delete strangers["the secret key, naming no tenant"];
  topics = Object.assign({}, ...sweeps.map((room) => room.topics?.(victim)));
});
afterAll(() => db.close());

/** What the Realtime server would allow by the policies on realtime.messages, for example `read broadcast`. */
async function allowed({ claims, headers = {} }: Caller, topic: string): Promise<string[]> {
  const rights: string[] = [];
  for (const way of ["read", "write"]) {
    const [row] = await db.sql`
      select * from _realtime.authorize(
        ${way}, ${topic}, ${String(claims.role)}, ${JSON.stringify(claims)}, ${JSON.stringify(headers)}, true)`;
    for (const extension of ["broadcast", "presence"])
      if (row?.[extension]) rights.push(`${way} ${extension}`);
  }
  return rights;
}

describe("isolation of the topics", () => {
  it("is tried on every topic that the policies know", async () => {
    const rows = await db.sql`select name from mayfly_private.topics`;
    const known = rows.map((row) => row.name as string);
    expect(known.sort(), "name a topic of each kind in the sweep.ts of its room").toEqual(
      Object.keys(topics).sort(),
    );
  });

  it("lets no stranger listen or send", async () => {
    for (const [who, caller] of Object.entries(strangers))
      for (const topic of Object.values(topics))
        expect(await allowed(caller, topic), `${who}: ${topic}`).toEqual([]);
  });

  it("lets an agent hear what its scopes allow, and never another agent's inbox", async () => {
    const agent = { claims: victim.agent.claims };
    const bare = await makeAgent(db.sql, victim.tenant, { scopes: [] });
    const present = await makeAgent(db.sql, victim.tenant, { scopes: ["presence:write"] });
    const watcher = await makeAgent(db.sql, victim.tenant, { scopes: ["debug:read"] });
    const quiet = await makeAgent(db.sql, victim.tenant, {
      scopes: ["message:read", "message:send"],
    });
    const loud = await makeAgent(db.sql, victim.tenant, {
      scopes: ["message:send", "channel:broadcast"],
    });
    await db.sql`
      insert into mayfly.channel_subscriptions (tenant_id, channel_id, subscriber_id)
      select tenant_id, id, unnest(${[quiet.id, loud.id]}::uuid[]) from mayfly.channels
      where tenant_id = ${victim.tenant} and name = ${victim.channel}`;
    const teller = await makeAgent(db.sql, victim.tenant, { scopes: ["debug:write"] });
    const cases: [Caller, string, string[]][] = [
      [agent, "agents", ["read broadcast", "read presence"]],
      [agent, "log", ["read broadcast"]],
      [agent, "agent", ["read broadcast"]],
      [agent, "channel", ["read broadcast"]],
      [agent, "broadcast", ["read broadcast", "write broadcast"]],
      // Publishers may broadcast only with channel:broadcast.
      [{ claims: quiet.claims }, "broadcast", ["read broadcast"]],
      [{ claims: loud.claims }, "broadcast", ["read broadcast", "write broadcast"]],
      [{ claims: present.claims }, "broadcast", []],
      [{ claims: victim.viewer }, "broadcast", []],
      [{ claims: victim.owner }, "broadcast", ["read broadcast"]],
      [{ claims: present.claims }, "channel", []],
      [{ claims: victim.viewer }, "channel", []],
      // An administrator of messages hears every inbox and channel, and can send in none.
      [{ claims: victim.owner }, "agent", ["read broadcast"]],
      [{ claims: victim.owner }, "channel", ["read broadcast"]],
      [{ claims: present.claims }, "agents", ["read broadcast", "write presence"]],
      [{ claims: present.claims }, "log", []],
      // Every caller that may read at least one kind of event is told that there is something to read.
      [{ claims: quiet.claims }, "log", ["read broadcast"]],
      // An event for one agent is announced to this agent and to people.
      [agent, "people", []],
      [{ claims: victim.owner }, "people", ["read broadcast"]],
      [{ claims: victim.viewer }, "people", ["read broadcast"]],
      [{ claims: present.claims }, "agent", []],
      [{ claims: victim.viewer }, "agents", ["read broadcast", "read presence"]],
      [{ claims: victim.viewer }, "log", ["read broadcast"]],
      [{ claims: victim.viewer }, "agent", []],
      [agent, "debug", ["read broadcast", "write broadcast"]],
      [{ claims: victim.owner }, "debug", ["read broadcast"]],
      [{ claims: watcher.claims }, "debug", ["read broadcast"]],
      [{ claims: teller.claims }, "debug", []],
      [{ claims: victim.viewer }, "debug", []],
    ];
    for (const name of Object.keys(topics)) {
      cases.push([{ claims: bare.claims }, name, []]);
      cases.push([{ claims: machineClaims(victim.key) }, name, []]);
    }
    for (const [caller, name, rights] of cases)
      expect(
        await allowed(caller, topics[name] as string),
        `${caller.claims.sub}: ${name}`,
      ).toEqual(rights);
  });

  it("lets an OAuth client hear the inbox of its person only with message:read", async () => {
    const { tenant, owner } = victim;
    const client = { claims: { ...owner, client_id: "listener" } };
    const inbox = `tenant:${tenant}:agent:${owner.sub}`;
    expect(await allowed({ claims: owner }, inbox)).toEqual(["read broadcast"]);
    for (const [scope, rights] of [
      ["state:read", []],
      ["message:read", ["read broadcast"]],
    ] as const) {
      await rpc(db.sql, owner, "grant_client", { client_id: "listener", scopes: [scope] });
      expect(await allowed(client, inbox), scope).toEqual(rights);
      expect(await allowed(client, topics.debug as string), scope).toEqual([]);
    }
  });

  it("knows no other topic, however it is spelt", async () => {
    const { tenant, agent } = victim;
    const owners = [{ claims: victim.owner }, { claims: agent.claims }];
    for (const topic of [
      "",
      "tenant",
      "agents",
      `tenant:${tenant}`,
      `tenant:${tenant}:`,
      `tenant:${tenant}:everything`,
      `tenant:${tenant}:log:more`,
      `tenant:${tenant}:agents:${agent.id}`,
      `tenant:${tenant}:agent`,
      `tenant:${tenant}:agent:${randomUUID()}`,
      `tenant:${tenant}:agent:${agent.id}:x`,
      `tenant:${tenant}:channel`,
      `tenant:${tenant}:channel:`,
      `tenant:${tenant}:channel:other`,
      `tenant:${tenant}:channel:${victim.channel}:x`,
      `tenant:${tenant}:channel:${victim.channel.toUpperCase()}`,
      `tenant:${tenant}:debug`,
      `tenant:${tenant}:debug:${agent.id}:x`,
      `tenant:${tenant.toUpperCase()}:log`,
      `tenant: ${tenant}:log`,
      `realtime:tenant:${tenant}:log`,
      `tenant:${randomUUID()}:log`,
    ])
      for (const caller of owners) expect(await allowed(caller, topic), topic).toEqual([]);
  });
});
