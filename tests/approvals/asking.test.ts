/** Asking for an approval: with and without a job, what policies say, and who uses the decision. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { add, claimOne, complete, makeWorker } from "../jobs/working.ts";
import { type Asked, amount, ask, askInJob, asking, decide, makeAsking, use } from "./asking.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

type Waited = { waiting?: boolean; signal?: string; payload?: { status: string } };
const waitFor = (lease: string, { id }: Asked, by: Parameters<typeof rpc>[1]) =>
  rpc<Waited>(db.sql, by, "wait_job", { lease, step: "wait", signals: [`approval:${id}`] });

describe("asking for an approval", () => {
  it("wakes the waiting job with the approved input", async () => {
    const { agent, admin } = await makeAsking(db.sql);
    const question = { input: { amount: 5 }, input_schema: amount };
    const { lease, asked } = await askInJob(db.sql, agent.claims, question);
    expect(await waitFor(lease, asked, agent.claims)).toEqual({ waiting: true });
    await decide(db.sql, admin, asked, { input: { amount: 4 }, reason: "Four will do." });
    const again = await claimOne(db.sql, agent.claims);
    expect(await waitFor(again.lease, asked, agent.claims)).toMatchObject({
      payload: { status: "approved" },
    });
    expect(await use(db.sql, agent.claims, again.lease, asked.id)).toMatchObject({
      status: "approved",
      input: { amount: 4 },
      reasons: ["Four will do."],
    });
  });

  it("keeps a decision that comes before the job waits", async () => {
    const { agent, admin } = await makeAsking(db.sql);
    const { lease, asked } = await askInJob(db.sql, agent.claims);
    await decide(db.sql, admin, asked, { verdict: "reject" });
    expect(await waitFor(lease, asked, agent.claims)).toMatchObject({
      payload: { status: "rejected" },
    });
  });

  it("finds the approval of the same step, and asks again for other arguments", async () => {
    const { agent, admin } = await makeAsking(db.sql);
    const { lease, asked } = await askInJob(db.sql, agent.claims, { input: { amount: 1 } });
    const same = await ask(db.sql, agent.claims, { lease, step: "ask", input: { amount: 1 } });
    expect(same.id).toBe(asked.id);
    await decide(db.sql, admin, asked);
    const other = await ask(db.sql, agent.claims, { lease, step: "ask", input: { amount: 1000 } });
    expect(other).toMatchObject({ status: "pending" });
    expect(other.id).not.toBe(asked.id);
  });

  it("gives a decision only to the step, the job and the agent that asked for it", async () => {
    const { agent, admin, tenant } = await makeAsking(db.sql);
    const { lease, asked } = await askInJob(db.sql, agent.claims);
    await decide(db.sql, admin, asked);
    expect(await codeOf(use(db.sql, agent.claims, lease, asked.id, "other"))).toBe(
      "approval_unknown",
    );
    await add(db.sql, agent.claims, [{ name: "thief" }]);
    const thief = await claimOne(db.sql, agent.claims);
    expect(await codeOf(use(db.sql, agent.claims, thief.lease, asked.id))).toBe("approval_unknown");
    const other = await makeWorker(db.sql, tenant, { scopes: asking });
    expect(await codeOf(use(db.sql, other.claims, lease, asked.id))).toBe("lease_lost");
    // After a crash, the same step uses the decision again.
    await use(db.sql, agent.claims, lease, asked.id);
    expect((await use(db.sql, agent.claims, lease, asked.id)).status).toBe("approved");
  });

  it("is refused under an ended lease, and decides nothing for an ended job", async () => {
    const { agent, admin, tenant } = await makeAsking(db.sql);
    const { lease, asked } = await askInJob(db.sql, agent.claims);
    await complete(db.sql, agent.claims, [{ lease }]);
    expect(await codeOf(ask(db.sql, agent.claims, { lease, step: "later" }))).toBe("lease_lost");
    expect(await refusalOf(decide(db.sql, admin, asked))).toMatchObject({
      code: "approval_decided",
      details: { status: "cancelled" },
    });
    await db.sql`select mayfly_private.maintain_approvals(${tenant}, 100)`;
    expect(await rpc(db.sql, admin, "get_approval", { id: asked.id })).toMatchObject({
      status: "cancelled",
    });
  });

  it("expires for the job that waits for it", async () => {
    const { agent } = await makeAsking(db.sql);
    const { lease, asked } = await askInJob(db.sql, agent.claims, { expires_in: 1 });
    await db.advance("2 seconds");
    expect((await use(db.sql, agent.claims, lease, asked.id)).status).toBe("expired");
  });

  it("asks nobody if the policy of its type and category allows it, and says why", async () => {
    const { agent, admin } = await makeAsking(db.sql);
    const set = (values: Record<string, unknown>) =>
      rpc(db.sql, admin, "set_approval_policy", values);
    await set({ autonomy: "none" });
    await set({ agent_type: "agent", autonomy: "milestones" });
    await set({ category: "deploy", autonomy: "ask", min_confidence: 0.9 });
    await set({ agent_type: "agent", category: "money", autonomy: "ask", quorum: 2 });
    const waived = async (values: Record<string, unknown>) => {
      const { status, waived, quorum } = await ask(db.sql, agent.claims, values);
      return [status, waived, quorum];
    };
    expect(await waived({})).toEqual(["approved", "no milestone", 1]);
    expect(await waived({ milestone: true })).toEqual(["pending", null, 1]);
    expect(await waived({ category: "money", quorum: 1 })).toEqual(["pending", null, 2]);
    expect(await waived({ required: true })).toEqual(["pending", null, 1]);
    await rpc(db.sql, admin, "delete_approval_policy", { agent_type: "agent" });
    expect(await waived({})).toEqual(["approved", "autonomy", 1]);
    expect(await waived({ category: "deploy", confidence: 0.89 })).toEqual(["pending", null, 1]);
    expect(await waived({ category: "deploy", confidence: 0.9 })).toEqual([
      "approved",
      "confidence",
      1,
    ]);
  });

  it("lists what the caller can decide, without the caller's own requests and past decisions", async () => {
    const { agent, admin, member, viewer } = await makeAsking(db.sql);
    const first = await ask(db.sql, agent.claims, { quorum: 2 });
    const forOwners = await ask(db.sql, agent.claims, { roles: ["owner"] });
    const own = await ask(db.sql, member);
    const mine = async (by: typeof admin) =>
      (await rpc<Asked[]>(db.sql, by, "list_approvals", { mine: true })).map(({ id }) => id);
    expect(await mine(admin)).toEqual([own.id, first.id]);
    expect(await mine(member)).toEqual([first.id]);
    await decide(db.sql, member, first);
    expect(await mine(member)).toEqual([]);
    expect(await mine(viewer)).toEqual([]);
    const all = await rpc<Asked[]>(db.sql, viewer, "list_approvals", { page_limit: 2 });
    expect(all.map(({ id }) => id)).toEqual([own.id, forOwners.id]);
    const rest = { before: forOwners.id };
    expect(await rpc<Asked[]>(db.sql, viewer, "list_approvals", rest)).toMatchObject([
      { id: first.id },
    ]);
  });

  it("can be withdrawn only by its requester and by admins", async () => {
    const { agent, admin, member } = await makeAsking(db.sql);
    const { lease, asked } = await askInJob(db.sql, agent.claims);
    const other = await ask(db.sql, agent.claims);
    const cancel = (by: typeof admin, id: string) => rpc(db.sql, by, "cancel_approval", { id });
    expect(await codeOf(cancel(member, asked.id))).toBe("scope_missing");
    expect(await cancel(agent.claims, asked.id)).toMatchObject({ status: "cancelled" });
    expect(await cancel(admin, other.id)).toMatchObject({ status: "cancelled" });
    expect(await waitFor(lease, asked, agent.claims)).toMatchObject({
      payload: { status: "cancelled" },
    });
  });

  it.each([
    ["title", { title: "" }],
    ["category", { category: "no spaces" }],
    ["confidence", { confidence: 1.1 }],
    ["quorum", { quorum: 21 }],
    ["quorum", { quorum: 2, deciders: ["0190a1b2-c3d4-7000-8000-000000000000"] }],
    ["roles", { roles: ["viewer"] }],
    ["expires_in", { expires_in: 0 }],
    ["input_schema", { input_schema: { $ref: "#/x" } }],
    ["input", { input: { amount: 0 }, input_schema: amount }],
    ["step", { step: "without a lease" }],
  ])("names the invalid field %s: %j", async (field, values) => {
    const { agent } = await makeAsking(db.sql);
    expect(await refusalOf(ask(db.sql, agent.claims, values))).toMatchObject({
      code: "invalid_request",
      details: { field },
    });
  });

  it("deletes decided approvals together with ended jobs, and frees their bytes", async () => {
    const { agent, admin, tenant } = await makeAsking(db.sql);
    const bytes = async () =>
      Number(
        (
          await db.sql`select sum(bytes) as bytes from mayfly_private.tenant_usage where tenant_id = ${tenant}`
        )[0]?.bytes,
      );
    const before = await bytes();
    const asked = await ask(db.sql, agent.claims, { input: { text: "x".repeat(1_000) } });
    await decide(db.sql, admin, asked);
    expect(await bytes()).toBeGreaterThan(before + 1_000);
    await db.advance("60 days");
    await db.sql`select mayfly_private.maintain_approvals(${tenant}, 100)`;
    expect(await bytes()).toBe(before);
    const [row] = await db.sql`
      select count(*)::int as left from mayfly.approvals where tenant_id = ${tenant}`;
    expect(row?.left).toBe(0);
  });
});
