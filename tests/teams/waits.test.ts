/** Deadlocks through jobs and approvals, which a watch of the team finds. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claims, makePerson, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { add, claimOne } from "../jobs/working.ts";
import { makeTeaming, spawnTeam, teaming } from "./teaming.ts";

interface Alert {
  kind: string;
  agents: string[];
  detail: { waits: string[]; jobs?: string[] };
}

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

/** A team of agents one and two, and functions by which one of them waits for the other. */
async function makePair() {
  const { tenant } = await makeTeaming(db.sql, 1);
  const owner = await makePerson(db.sql, { [tenant]: "owner" });
  const scopes = [...teaming, "approval:request", "approval:decide"];
  const { team, agents } = await spawnTeam(db.sql, owner, [
    { role: "writer", type: "writer", scopes },
    { role: "reviewer", type: "reviewer", scopes },
  ]);
  const [one, two] = agents.map(({ agent, claims }) => ({ id: agent.id, claims })) as [
    { id: string; claims: Claims },
    { id: string; claims: Claims },
  ];
  return {
    one,
    two,
    owner,
    /** The deadlocks that a watch finds now. */
    watch: async () =>
      (
        await rpc<{ alerts: Alert[] }>(db.sql, owner, "watch_team", { team_id: team.id })
      ).alerts.filter(({ kind }) => kind === "deadlock"),
    /** Sends a request. */
    async ask(from: typeof one, to: typeof one) {
      const id = randomUUID();
      const message = {
        id,
        to: { agent: to.id },
        type: "query",
        payload: { question: "Which?" },
        reply_required: true,
      };
      await rpc(db.sql, from.claims, "send_messages", { messages: [message] as never });
      return id;
    },
    /** Agent `who` works on a job that waits for a child job, and only agent `whose` may take the child. */
    async waitForChild(who: typeof one, whose: typeof one, job: object) {
      const [parent] = await add(db.sql, who.claims, [{ name: "write", ...job }]);
      const { lease } = await claimOne(db.sql, who.claims, { names: ["write"] });
      const children = [{ name: "review", target: { agent: whose.id } }];
      const [child] = await add(db.sql, who.claims, children, { lease });
      const signals = [`job:${child?.id}`];
      await rpc(db.sql, who.claims, "wait_job", { lease, step: "reviewed", signals });
      return { parent: parent?.id ?? "", child: child?.id ?? "" };
    },
  };
}

describe("a watched team has a deadlock", () => {
  it("if a job owes agent one an answer, but waits for a child that only agent one may take", async () => {
    const { one, two, watch, ask, waitForChild } = await makePair();
    const request = await ask(one, two);
    const { parent, child } = await waitForChild(two, one, {
      key: `message:${request}`,
      answers: request,
    });
    // Agent one may still take the child job.
    expect(await watch()).toEqual([]);
    await db.advance("2 minutes");
    expect(await watch()).toMatchObject([
      { agents: [one.id], detail: { waits: [one.id, parent, child], jobs: [parent, child] } },
    ]);
  });

  it("if a job owes agent one an answer, but waits for a child that agent one holds", async () => {
    const { one, two, watch, ask, waitForChild } = await makePair();
    const request = await ask(one, two);
    const { parent, child } = await waitForChild(two, one, {
      key: `message:${request}`,
      answers: request,
    });
    await claimOne(db.sql, one.claims, { names: ["review"] });
    expect(await watch()).toMatchObject([{ agents: [one.id], detail: { jobs: [parent, child] } }]);
  });

  it("if agent two owes agent one an answer, but its assigned job waits for agent one", async () => {
    const { one, two, owner, watch, ask } = await makePair();
    const job = { name: "write" };
    const given = await rpc<{ job: string; agent: string }>(db.sql, owner, "assign_job", {
      job,
      type: "reviewer",
    });
    expect(given.agent).toBe(two.id);
    const { lease } = await claimOne(db.sql, two.claims);
    const children = [{ name: "review", target: { agent: one.id } }];
    const [child] = await add(db.sql, two.claims, children, { lease });
    const signals = [`job:${child?.id}`];
    await rpc(db.sql, two.claims, "wait_job", { lease, step: "reviewed", signals });
    await claimOne(db.sql, one.claims, { names: ["review"], lease: 3_600 });
    await ask(one, two);
    // While its job waits, agent two is free to answer.
    expect(await watch()).toEqual([]);
    await db.advance("2 minutes");
    const [found] = await watch();
    expect(found?.agents.toSorted()).toEqual([one.id, two.id].toSorted());
    expect(found?.detail.jobs).toEqual([given.job, child?.id]);
  });

  it("if a job owes agent one an answer, but waits for an approval that only agent one may give", async () => {
    const { one, two, watch, ask } = await makePair();
    const request = await ask(one, two);
    const asking = { name: "write", key: `message:${request}`, answers: request };
    const [parent] = await add(db.sql, two.claims, [asking]);
    const { lease } = await claimOne(db.sql, two.claims, { names: ["write"] });
    const asked = await rpc<{ id: string }>(db.sql, two.claims, "request_approval", {
      title: "Publish?",
      input: { page: 1 },
      lease,
      step: "publish",
      required: true,
      deciders: [one.id],
    });
    const waits = [{ step: "publish", approval: asked.id }];
    await rpc(db.sql, two.claims, "wait_any", { lease, waits });
    expect(await watch()).toMatchObject([{ agents: [one.id], detail: { jobs: [parent?.id] } }]);
  });
});

describe("a watched team has no deadlock", () => {
  it("if a signal can also wake the waiting job, or if any agent may take the child", async () => {
    const { one, two, watch, ask } = await makePair();
    for (const [target, signals] of [
      [{ agent: one.id }, ["stop"]],
      [undefined, []],
    ] as const) {
      const request = await ask(one, two);
      const asking = { name: "write", key: `message:${request}`, answers: request };
      await add(db.sql, two.claims, [asking]);
      const { lease } = await claimOne(db.sql, two.claims, { names: ["write"] });
      const [child] = await add(db.sql, two.claims, [{ name: "review", target }], { lease });
      const all = [`job:${child?.id}`, ...signals];
      await rpc(db.sql, two.claims, "wait_job", { lease, step: "reviewed", signals: all });
    }
    await db.advance("2 minutes");
    expect(await watch()).toEqual([]);
  });

  it("if two agents only wait for child jobs that they have given to each other", async () => {
    const { one, two, watch, waitForChild } = await makePair();
    await waitForChild(one, two, {});
    await waitForChild(two, one, {});
    await db.advance("2 minutes");
    expect(await watch()).toEqual([]);
  });
});
