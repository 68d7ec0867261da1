/**
 * Teams whose members act at once. These tests need a real Postgres, because on PGlite the members would
 * wait for each other anyway.
 */
import { randomInt } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, makePerson, refusalOf, rpc, type Sql } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { claim } from "../jobs/working.ts";
import {
  assign,
  bid,
  getPoll,
  makeTeaming,
  openPoll,
  openTender,
  type Poll,
  spawnTeam,
  stop,
  teaming,
  vote,
} from "./teaming.ts";

const many = 32;
const times = <T>(count: number, work: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));

describe.skipIf(!databaseUrl)("members that act at the same time", () => {
  let db: TestDatabase;
  /** One connection for each member. */
  let sql: Sql;
  beforeAll(async () => {
    db = await openPostgresDatabase();
    sql = postgres(db.url, { max: many, onnotice: () => {} });
  });
  afterAll(async () => {
    await sql?.end();
    await db?.close();
  });
  const eventsOf = async (id: string, type: string) =>
    (await sql`select from mayfly.events where subject = ${id} and type = ${type}`).length;

  it("get equally many jobs when 32 callers assign at once", async () => {
    const { agents, first, tenant } = await makeTeaming(sql, 4);
    await times(many, () => assign(sql, first.claims));
    const rows = await sql`
      select count(*)::int as n from mayfly.assignments where tenant_id = ${tenant} group by agent_id`;
    expect(rows.map(({ n }) => n)).toEqual(agents.map(() => many / 4));
  });

  it("close a poll once with 32 ballots, while others read it", async () => {
    const { agents, first } = await makeTeaming(sql, many);
    const voters = agents.map(({ id }) => id);
    const poll = await openPoll(sql, first.claims, { voters: voters as never, rule: "unanimous" });
    await Promise.all([
      ...agents.map(({ claims }) => vote(sql, claims, poll, "yes")),
      ...agents.map(({ claims }) => getPoll(sql, claims, poll)),
    ]);
    const closed = await getPoll(sql, first.claims, poll);
    expect(closed.outcome).toMatchObject({ result: "decided", winner: "yes", ballots: many });
    expect(await eventsOf(poll.id, "poll.closed")).toBe(1);
  });

  it("have one ballot each, however often they vote", async () => {
    const { agents, first } = await makeTeaming(sql, 3);
    const poll = await openPoll(sql, first.claims, { quorum: 4, voters: null as never });
    const told = await times(many, (n) =>
      vote(sql, (agents[n % 3] as { claims: Claims }).claims, poll, n < 16 ? "yes" : "no").catch(
        (error: { code?: string }) => refusalOf(Promise.reject(error)),
      ),
    );
    expect(told).toHaveLength(many);
    const [row] =
      await sql`select count(*)::int as n from mayfly_private.cast_ballots where poll_id = ${poll.id}`;
    expect(row?.n).toBe(3);
  });

  it("award a tender once, to the lowest of 32 bids, while it is closed 32 times", async () => {
    const { agents, first, tenant } = await makeTeaming(sql, many);
    const tender = await openTender(sql, first.claims);
    await Promise.all(agents.map(({ claims }, n) => bid(sql, claims, tender, many - n)));
    const awarded = await times(many, () =>
      rpc<{ status: string; winner: string; job_id: string }>(sql, first.claims, "close_tender", {
        tender_id: tender.id,
      }),
    );
    expect(new Set(awarded.map(({ job_id }) => job_id)).size).toBe(1);
    expect(awarded[0]).toMatchObject({ status: "awarded", winner: agents.at(-1)?.id });
    const jobs = await sql`select from mayfly.jobs where tenant_id = ${tenant}`;
    expect(jobs).toHaveLength(1);
  });

  it("get each alert once when 8 of them watch", async () => {
    const { tenant } = await makeTeaming(sql, 1);
    const owner = await makePerson(sql, { [tenant]: "owner" });
    const group = { role: "worker", count: 5, scopes: teaming, lifetime: 900 };
    const { team, agents } = await spawnTeam(sql, owner, [group]);
    await Promise.all(
      agents.map(({ claims }) => rpc(sql, claims, "heartbeat", { activity: "thinking" })),
    );
    const watch = () =>
      rpc<{ alerts: { agents: string[] }[] }>(sql, owner, "watch_team", { team_id: team.id });
    await watch();
    await db.advance("301 seconds");
    const told = (await times(8, watch)).flatMap(({ alerts }) => alerts.flatMap((a) => a.agents));
    expect(told.sort()).toEqual(agents.map(({ agent }) => agent.id).sort());
  });

  it("on three levels of a tree never spend more than the budget of the root's team", async () => {
    const { tenant } = await makeTeaming(sql, 1);
    const owner = await makePerson(sql, { [tenant]: "owner" });
    const scopes = ["agent:spawn", "cost:write"];
    const { agents } = await spawnTeam(sql, owner, [{ role: "lead", scopes }], {
      budget: { hard_tokens: 10_000 },
    });
    const spawn = (claims: Claims) =>
      rpc<{ claims: Claims }>(sql, claims, "spawn_agent", { lifetime: 60, scopes });
    const root = agents[0]?.claims as Claims;
    const children = await times(2, () => spawn(root));
    const leaves = await times(8, (n) => spawn((children[n % 2] as { claims: Claims }).claims));
    const answers = await times(many, (n) =>
      rpc<{ granted?: boolean; output?: number }[]>(
        sql,
        (leaves[n % 8] as { claims: Claims }).claims,
        "reserve_costs",
        {
          asks: [
            {
              id: crypto.randomUUID(),
              agent: `a${n}`,
              provider: "p",
              model: "m",
              input: 700,
              output: 300,
            },
          ] as never,
        },
      ),
    );
    const granted = answers.flat().filter((answer) => answer.granted);
    expect(granted).toHaveLength(10);
    const [budget] = await sql`
      select held_tokens::int as held from mayfly.budgets where tenant_id = ${tenant} and level = 'team'`;
    expect(budget?.held).toBe(10_000);
  });

  it("finish every job once when half of them are killed at random, and no poll is blocked", async () => {
    const seed = Number(process.env.SEED ?? randomInt(1e9));
    console.log(`seed ${seed}`);
    let state = seed;
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
    const { agents, first, tenant } = await makeTeaming(sql, 50);
    const boss = await makePerson(sql, { [tenant]: "owner" });
    const poll = await openPoll(sql, first.claims, {
      voters: agents.map(({ id }) => id) as never,
      rule: "unanimous",
    });
    const jobs = 100;
    for (let n = 0; n < jobs; n++) await assign(sql, boss);
    const doomed = new Set([...agents].sort(() => random() - 0.5).slice(0, 25));
    const finished = async () =>
      (
        await sql`select count(*)::int as n from mayfly.finished_jobs where tenant_id = ${tenant} and status = 'succeeded'`
      )[0]?.n as number;
    const work = async (agent: (typeof agents)[number]) => {
      await vote(sql, agent.claims, poll, "yes").catch(() => {});
      for (;;) {
        const taken = await claim(sql, agent.claims).catch(() => null);
        if (!taken) return;
        const [job] = taken.jobs;
        if (!job && (await finished()) >= jobs) return;
        if (!job) continue;
        const done = [{ lease: job.lease, result: { by: agent.id } }] as never;
        await rpc(sql, agent.claims, "complete_jobs", { done }).catch(() => {});
      }
    };
    const kill = async () => {
      for (const agent of doomed) {
        const until = (await finished()) + Math.floor(random() * 4);
        while ((await finished()) < Math.min(until, jobs)) await sql`select pg_sleep(0.001)`;
        await stop(sql, boss, agent.id);
      }
    };
    await Promise.all([...agents.map(work), kill()]);
    const [row] = await sql`
      select count(*)::int as n, count(distinct id)::int as ids from mayfly.finished_jobs where tenant_id = ${tenant}`;
    expect(row).toEqual({ n: jobs, ids: jobs });
    const left = await sql`select from mayfly.jobs where tenant_id = ${tenant}`;
    expect(left).toHaveLength(0);
    expect((await rpc<Poll>(sql, boss, "get_poll", { poll_id: poll.id })).status).toBe("closed");
  });
});
