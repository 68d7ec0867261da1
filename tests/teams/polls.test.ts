/** Polls: who sees what and when, and when each rule decides. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  codeOf,
  inTenant,
  makePerson,
  refusalOf,
  rpc,
  type SpawnedAgent,
  serviceRole,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { add, claimOne } from "../jobs/working.ts";
import { getPoll, makeTeaming, openPoll, stop, vote } from "./teaming.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const ids = (agents: SpawnedAgent[]) => agents.map(({ id }) => id) as never;

describe("a poll", () => {
  it("shows no ballot to anybody before it closes, and all of them afterwards", async () => {
    const { tenant, agents, first, second, third } = await makeTeaming(db.sql);
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const poll = await openPoll(db.sql, first.claims, { voters: ids(agents), rule: "unanimous" });
    const open = await vote(db.sql, second.claims, poll, "no");
    expect(open).toMatchObject({ status: "open", outcome: null, ballots: null });
    for (const claims of [first.claims, owner]) {
      expect(await getPoll(db.sql, claims, poll)).toMatchObject({ outcome: null, ballots: null });
    }
    const pages = await rpc(db.sql, owner, "export_tenant", { page_limit: 1000 });
    expect(JSON.stringify(pages)).not.toContain("ballots");
    await vote(db.sql, first.claims, poll, "no");
    const closed = await vote(db.sql, third.claims, poll, "no");
    expect(closed).toMatchObject({
      status: "closed",
      outcome: { result: "decided", winner: "no", ballots: 3 },
    });
    expect(closed.ballots?.map(({ voter }) => voter).sort()).toEqual([...ids(agents)].sort());
  });

  it("accepts one ballot from each voter, and repeated ballots change nothing", async () => {
    const { agents, first, second } = await makeTeaming(db.sql);
    const outsider = await makeTeaming(db.sql);
    const poll = await openPoll(db.sql, first.claims, { voters: ids(agents) });
    await vote(db.sql, first.claims, poll, "yes");
    expect((await vote(db.sql, first.claims, poll, "yes")).status).toBe("open");
    expect(await codeOf(vote(db.sql, first.claims, poll, "no"))).toBe("already_voted");
    expect(await refusalOf(vote(db.sql, second.claims, poll, "perhaps"))).toMatchObject({
      code: "invalid_request",
      details: { field: "choice" },
    });
    expect(await codeOf(vote(db.sql, outsider.first.claims, poll, "no"))).toBe("poll_unknown");
  });

  it("cannot be answered by anyone who was not asked, or by the secret key", async () => {
    const { tenant, first, second, third } = await makeTeaming(db.sql);
    const poll = await openPoll(db.sql, first.claims, { voters: [first.id, second.id] as never });
    expect(await codeOf(vote(db.sql, third.claims, poll, "no"))).toBe("not_a_voter");
    const asSecret = rpc(
      db.sql,
      serviceRole,
      "cast_ballot",
      { poll_id: poll.id, choice: "no" },
      inTenant(tenant),
    );
    expect(await codeOf(asSecret)).toBe("not_authorized");
  });

  it("closes as soon as missing ballots cannot change the majority", async () => {
    const { agents, first, second, third } = await makeTeaming(db.sql);
    const poll = await openPoll(db.sql, first.claims, { voters: ids(agents) });
    await vote(db.sql, first.claims, poll, "yes");
    expect(await vote(db.sql, second.claims, poll, "yes")).toMatchObject({
      status: "closed",
      outcome: { result: "decided", winner: "yes", ballots: 2 },
    });
    expect(await codeOf(vote(db.sql, third.claims, poll, "no"))).toBe("poll_closed");
  });

  it("has no majority if the votes are split", async () => {
    const { first, second } = await makeTeaming(db.sql);
    const poll = await openPoll(db.sql, first.claims, { voters: [first.id, second.id] as never });
    await vote(db.sql, first.claims, poll, "yes");
    expect(await vote(db.sql, second.claims, poll, "no")).toMatchObject({
      outcome: { result: "no_majority", winner: null },
    });
  });

  it("weighs its voters under the rule `weighted`", async () => {
    const { agents, first, second, third } = await makeTeaming(db.sql);
    const voters = agents.map(({ id }, at) => ({ id, weight: at === 0 ? 3 : 1.25 })) as never;
    const poll = await openPoll(db.sql, first.claims, { voters, rule: "weighted" });
    await vote(db.sql, second.claims, poll, "no");
    await vote(db.sql, third.claims, poll, "no");
    expect(await vote(db.sql, first.claims, poll, "yes")).toMatchObject({
      outcome: { result: "decided", winner: "yes" },
    });
  });

  it("ends with the first ballot under `first_valid`, and with the first dissent under `unanimous`", async () => {
    const { agents, first, second } = await makeTeaming(db.sql);
    const quick = await openPoll(db.sql, first.claims, { rule: "first_valid" });
    expect(await vote(db.sql, second.claims, quick, "no")).toMatchObject({
      outcome: { result: "decided", winner: "no", ballots: 1 },
    });
    const all = await openPoll(db.sql, first.claims, { voters: ids(agents), rule: "unanimous" });
    await vote(db.sql, first.claims, all, "yes");
    expect(await vote(db.sql, second.claims, all, "no")).toMatchObject({
      outcome: { result: "not_unanimous", winner: null },
    });
  });

  it("closes at its quorum, and decides nothing at its deadline with fewer ballots", async () => {
    const { first, second } = await makeTeaming(db.sql);
    const quorum = 2;
    const poll = await openPoll(db.sql, first.claims, { quorum });
    await vote(db.sql, first.claims, poll, "yes");
    expect(await vote(db.sql, second.claims, poll, "yes")).toMatchObject({
      outcome: { result: "decided" },
    });
    const late = await openPoll(db.sql, first.claims, { quorum });
    await vote(db.sql, first.claims, late, "yes");
    await db.advance("301 seconds");
    expect(await getPoll(db.sql, first.claims, late)).toMatchObject({
      status: "closed",
      outcome: { result: "no_quorum", winner: null, ballots: 1 },
    });
  });

  it("is not blocked by a voter if the voter or an ancestor of the voter dies", async () => {
    const { tenant, agents, first, second, third } = await makeTeaming(db.sql);
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const child = await rpc<{ agent: { id: string } }>(db.sql, third.claims, "spawn_agent", {});
    const voters = [...ids(agents), child.agent.id] as never;
    const poll = await openPoll(db.sql, first.claims, { voters, rule: "unanimous" });
    await vote(db.sql, first.claims, poll, "yes");
    await vote(db.sql, second.claims, poll, "yes");
    expect((await getPoll(db.sql, first.claims, poll)).status).toBe("open");
    await stop(db.sql, owner, third.id);
    const [row] = await db.sql`select status from mayfly.polls where id = ${poll.id}`;
    expect(row).toEqual({ status: "closed" });
    expect(await getPoll(db.sql, first.claims, poll)).toMatchObject({
      outcome: { result: "decided", winner: "yes", ballots: 2 },
    });
  });

  it("signals the job that opened it, and is found again by its key", async () => {
    const { first, second } = await makeTeaming(db.sql);
    await add(db.sql, first.claims, [{ name: "work" }]);
    const { lease } = await claimOne(db.sql, first.claims);
    const asked = { rule: "first_valid", lease, key: "ship" };
    const poll = await openPoll(db.sql, first.claims, asked);
    expect((await openPoll(db.sql, first.claims, asked)).id).toBe(poll.id);
    const waiting = { lease, step: "wait", signals: [`poll:${poll.id}`] };
    expect(await rpc(db.sql, first.claims, "wait_job", waiting)).toEqual({ waiting: true });
    await vote(db.sql, second.claims, poll, "yes");
    const again = await claimOne(db.sql, first.claims);
    expect(
      await rpc(db.sql, first.claims, "wait_job", { ...waiting, lease: again.lease }),
    ).toMatchObject({ payload: { result: "decided", winner: "yes" } });
  });

  it("signals its job when it is withdrawn, and then shows no ballot", async () => {
    const { first, second } = await makeTeaming(db.sql);
    await add(db.sql, first.claims, [{ name: "work" }]);
    const { lease } = await claimOne(db.sql, first.claims);
    const poll = await openPoll(db.sql, first.claims, { lease });
    await vote(db.sql, second.claims, poll, "yes");
    expect(await codeOf(rpc(db.sql, second.claims, "cancel_poll", { poll_id: poll.id }))).toBe(
      "scope_missing",
    );
    expect(await rpc(db.sql, first.claims, "cancel_poll", { poll_id: poll.id })).toMatchObject({
      status: "cancelled",
      ballots: null,
    });
    expect(
      await rpc(db.sql, first.claims, "wait_job", {
        lease,
        step: "wait",
        signals: [`poll:${poll.id}`],
      }),
    ).toMatchObject({ payload: { result: "cancelled" } });
    expect(
      await db.sql`select from mayfly_private.cast_ballots where poll_id = ${poll.id}`,
    ).toHaveLength(0);
  });

  it.each([
    ["question", { question: "" }],
    ["options", { options: ["yes"] }],
    ["options", { options: ["yes", "yes"] }],
    ["rule", { rule: "loudest" }],
    ["voters", { voters: ["nobody"] }],
    ["voters", { voters: [{ id: "01890000-0000-7000-8000-000000000000", weight: 2 }] }],
    ["quorum", { quorum: 0 }],
    ["seconds", { seconds: 0.5 }],
    ["key", { key: "" }],
  ])("names the invalid field %s", async (field, values) => {
    const { first } = await makeTeaming(db.sql, 1);
    expect(await refusalOf(openPoll(db.sql, first.claims, values as never))).toMatchObject({
      code: "invalid_request",
      details: { field },
    });
  });
});
