/** Teams are spawned, joined, seen and ended as a whole. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Claims,
  codeOf,
  makeAgent,
  makePerson,
  refusalOf,
  renew,
  rpc,
  type SpawnedAgent,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { add, claimOne, statusOf } from "../jobs/working.ts";
import { makeTeaming, spawnTeam, stop, type Team, teaming } from "./teaming.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const lead = { role: "lead", type: "planner", scopes: teaming };
const readers = { role: "reader", type: "reader", count: 3, scopes: teaming };

async function makeTeam(settings: Record<string, unknown> = {}) {
  const { tenant, first } = await makeTeaming(db.sql, 1);
  const owner = await makePerson(db.sql, { [tenant]: "owner" });
  const spawned = await spawnTeam(db.sql, owner, [lead, readers], settings);
  return { tenant, owner, outsider: first, ...spawned };
}

const teamOf = async (claims: Parameters<typeof rpc>[1], id: string) =>
  (await rpc<Team[]>(db.sql, claims, "list_teams", { team_id: id }))[0];

describe("a team", () => {
  it("is spawned with its lead, its members in their roles, and a channel for all of them", async () => {
    const { team, agents } = await makeTeam({ task: "Ship it." });
    expect(team).toMatchObject({ name: "release", status: "running", living: 4 });
    expect(team.lead).toBe(agents[0]?.agent.id);
    expect(team.members.map(({ role }) => role)).toEqual(["lead", "reader", "reader", "reader"]);
    const message = {
      id: randomUUID(),
      to: { channel: team.channel },
      type: "hello",
      payload: { text: "hello" },
    };
    await rpc(db.sql, agents[1]?.claims as never, "send_messages", {
      messages: [message] as never,
    });
    const read = await rpc<{ messages: unknown[] }>(
      db.sql,
      agents[2]?.claims as never,
      "read_channel",
      {
        name: team.channel,
      },
    );
    expect(JSON.stringify(read)).toContain("hello");
  });

  it("lives no longer than its deadline", async () => {
    const { team, agents } = await makeTeam({ deadline: 60 });
    const ends = new Date((team as unknown as { deadline: string }).deadline).getTime();
    for (const { agent } of agents) {
      expect(new Date(agent.expires_at).getTime()).toBeLessThanOrEqual(ends);
    }
    const owner = (await makeTeam()).owner;
    const renewing = spawnTeam(db.sql, owner, [{ ...lead, renew: true }], {
      name: "other",
      deadline: 60,
    });
    expect(await refusalOf(renewing)).toMatchObject({ details: { field: "renew" } });
  });

  it("is spawned as a whole or not at all, for example if a name is taken", async () => {
    const { tenant, owner } = await makeTeam();
    const [before] = await db.sql`select count(*) from mayfly.agents where tenant_id = ${tenant}`;
    expect(await codeOf(spawnTeam(db.sql, owner, [lead]))).toBe("name_taken");
    const [after] = await db.sql`select count(*) from mayfly.agents where tenant_id = ${tenant}`;
    expect(after).toEqual(before);
  });

  it("can be joined by others, who then read its channel", async () => {
    const { owner, team, outsider } = await makeTeam();
    const joining = { team_id: team.id, agent_ids: [outsider.id] as never, role: "reviewer" };
    const joined = await rpc<Team>(db.sql, owner, "join_team", joining);
    expect(joined.living).toBe(5);
    expect((await rpc<Team>(db.sql, owner, "join_team", joining)).living).toBe(5);
    await rpc(db.sql, outsider.claims, "read_channel", { name: team.channel });
    const elsewhere = (await makeTeaming(db.sql, 1)).first;
    const stranger = { ...joining, agent_ids: [elsewhere.id] as never };
    expect(await codeOf(rpc(db.sql, owner, "join_team", stranger))).toBe("agent_unknown");
  });

  it("ends as a whole, with all agents, descendants and leases", async () => {
    const { tenant, team, agents } = await makeTeam();
    const member = agents[1] as (typeof agents)[0];
    const child = await rpc<{ agent: { id: string } }>(db.sql, member.claims, "spawn_agent", {});
    const [job] = await add(db.sql, member.claims, [{ name: "work" }]);
    await claimOne(db.sql, member.claims);
    const ended = await rpc<Team>(db.sql, agents[0]?.claims as never, "stop_team", {
      team_id: team.id,
      reason: "done",
    });
    expect(ended).toMatchObject({ status: "ended", living: 0, end_reason: "done" });
    expect(await statusOf(db.sql, tenant, job?.id ?? "")).toBe("ready");
    expect(
      await codeOf(rpc(db.sql, { ...member.claims, sub: child.agent.id }, "get_agent", {})),
    ).toBe("not_authorized");
  });

  it("is stopped by its lead, but not by its members", async () => {
    const { team, agents } = await makeTeam();
    const stopping = { team_id: team.id };
    expect(await codeOf(rpc(db.sql, agents[2]?.claims as never, "stop_team", stopping))).toBe(
      "scope_missing",
    );
    const ended = await rpc<Team>(db.sql, agents[0]?.claims as never, "stop_team", stopping);
    expect(ended.status).toBe("ended");
  });

  it("ends when none of its agents is alive, or its deadline has passed", async () => {
    const { tenant, owner, team, agents } = await makeTeam();
    for (const { agent } of agents) await stop(db.sql, owner, agent.id);
    await db.sql`select mayfly_private.maintain_teams(${tenant}, 100)`;
    expect(await teamOf(owner, team.id)).toMatchObject({ status: "ended" });
    const late = await makeTeam({ deadline: 60 });
    await db.advance("61 seconds");
    await db.sql`select mayfly_private.maintain_teams(${late.tenant}, 100)`;
    expect(await teamOf(late.owner, late.team.id)).toMatchObject({ status: "ended", living: 0 });
  });

  it("limits its children to its own scopes, depth and time", async () => {
    const { agents, tenant } = await makeTeam();
    const chief = agents[0] as (typeof agents)[0];
    const own = await spawnTeam(db.sql, chief.claims, [{ ...lead, lifetime: 3600 }], {
      name: "below",
    });
    const below = own.agents[0] as (typeof agents)[0];
    expect(new Date(below.agent.expires_at) <= new Date(chief.agent.expires_at)).toBe(true);
    const more = spawnTeam(
      db.sql,
      chief.claims,
      [{ role: "lead", scopes: [...teaming, "agent:stop"] }],
      { name: "more" },
    );
    expect(await codeOf(more)).toBe("scope_exceeds_parent");
    await db.sql`update mayfly.tenants set max_depth = 1 where id = ${tenant}`;
    const deeper = spawnTeam(db.sql, below.claims, [{ role: "lead" }], { name: "deeper" });
    expect(await codeOf(deeper)).toBe("depth_exceeded");
  });

  it("three levels deep gives nobody more scopes, time or depth than its lead has", async () => {
    const { team, agents, tenant, owner } = await makeTeam({ deadline: 600 });
    await db.sql`update mayfly.tenants set max_depth = 3, max_lifetime = '1 day' where id = ${tenant}`;
    const chief = agents[0] as (typeof agents)[0];
    const ends = new Date(chief.agent.expires_at);
    const line: SpawnedAgent[] = [];
    for (let level = 1; level <= 3; level++) {
      const as = line.at(-1)?.claims ?? chief.claims;
      // Every level asks for a scope that the lead lacks, and for more time than the team has.
      const more = makeAgent(db.sql, tenant, { as, scopes: [...teaming, "agent:stop"] });
      expect(await codeOf(more), `level ${level}`).toBe("scope_exceeds_parent");
      const child = await makeAgent(db.sql, tenant, { as, lifetime: 86_400, scopes: teaming });
      line.push(child);
      // A renewal does not prolong the life of a member, and neither does a team that the member spawns.
      await renew(db.sql, child.renewalSecret, true);
      const [row] = await db.sql`
        select expires_at, scopes, depth from mayfly.agents where tenant_id = ${tenant} and id = ${child.id}`;
      expect(row?.expires_at <= ends, `level ${level}`).toBe(true);
      expect(row).toMatchObject({ depth: level, scopes: [...teaming].sort() });
    }
    const leaf = line.at(-1) as SpawnedAgent;
    const own = (by: Claims) =>
      spawnTeam(db.sql, by, [lead], { name: randomUUID(), deadline: 86_400 });
    expect(await codeOf(makeAgent(db.sql, tenant, { as: leaf.claims }))).toBe("depth_exceeded");
    expect(await codeOf(own(leaf.claims))).toBe("depth_exceeded");
    const below = (await own((line[1] as SpawnedAgent).claims)).agents[0];
    expect(new Date(below?.agent.expires_at ?? "") <= ends).toBe(true);
    // The end of the lead is the end of every level.
    await rpc(db.sql, owner, "stop_team", { team_id: team.id });
    for (const { claims } of line)
      expect(await codeOf(rpc(db.sql, claims, "get_agent", {}))).toBe("not_authorized");
  });

  it.each([
    ["name", { name: "" }],
    ["task", { task: 7 }],
    ["deadline", { deadline: 1 }],
    ["channel", { channel: "yes" }],
    ["metadata", { metadata: [] }],
  ])("names the invalid field %s of its settings", async (field, settings) => {
    const { first } = await makeTeaming(db.sql, 1);
    expect(await refusalOf(spawnTeam(db.sql, first.claims, [lead], settings))).toMatchObject({
      code: "invalid_request",
      details: { field },
    });
  });

  it("has one lead, which is the first agent", async () => {
    const { first } = await makeTeaming(db.sql, 1);
    for (const groups of [[readers, lead], [{ ...lead, count: 2 }]]) {
      expect(await refusalOf(spawnTeam(db.sql, first.claims, groups))).toMatchObject({
        details: { field: "role" },
      });
    }
  });

  it("is deleted with its channel long after its end", async () => {
    const { tenant, owner, team } = await makeTeam();
    await rpc(db.sql, owner, "stop_team", { team_id: team.id });
    await db.advance("1000 days");
    await db.sql`select mayfly_private.maintain_teams(${tenant}, 100)`;
    expect(await teamOf(owner, team.id)).toBeUndefined();
    const channels = await db.sql`select from mayfly.channels where name = ${team.channel}`;
    expect(channels).toHaveLength(0);
  });
});
