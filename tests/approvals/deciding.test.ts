/** Who may decide an approval, and what a decision is bound to. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, makePerson, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { makeWorker } from "../jobs/working.ts";
import { type Asked, amount, ask, asking, decide, makeAsking } from "./asking.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());

const input = { amount: 5 };
const input_schema = amount;
const decider = [...asking, "approval:decide"];

describe("deciding an approval", () => {
  it("approves once, and records who decided and why", async () => {
    const { agent, admin, member } = await makeAsking(db.sql);
    const asked = await ask(db.sql, agent.claims, { input });
    expect(asked).toMatchObject({ status: "pending", quorum: 1, waived: null, input });
    const approved = await decide(db.sql, admin, asked, { reason: "Tested." });
    expect(approved.status).toBe("approved");
    expect(await refusalOf(decide(db.sql, member, asked))).toMatchObject({
      code: "approval_decided",
      details: { status: "approved" },
    });
    expect(await rpc(db.sql, agent.claims, "get_approval", { id: asked.id })).toMatchObject({
      decisions: [{ by: admin.sub, kind: "person", verdict: "approve", reason: "Tested." }],
    });
  });

  it("is refused to a viewer, to a stranger, and to an agent without the scope", async () => {
    const { tenant, agent, viewer } = await makeAsking(db.sql);
    const asked = await ask(db.sql, agent.claims);
    const other = await makeWorker(db.sql, tenant, { scopes: asking });
    expect(await codeOf(decide(db.sql, viewer, asked))).toBe("scope_missing");
    expect(await codeOf(decide(db.sql, other.claims, asked))).toBe("scope_missing");
    const stranger = await makeAsking(db.sql);
    expect(await codeOf(decide(db.sql, stranger.owner, asked))).toBe("approval_unknown");
    expect(await codeOf(decide(db.sql, await makePerson(db.sql, {}), asked))).toBe(
      "tenant_unknown",
    );
  });

  it("is refused to the requester and its relatives, whatever their scopes", async () => {
    const { tenant } = await makeAsking(db.sql);
    const parent = await makeWorker(db.sql, tenant, { scopes: decider });
    const asker = await makeWorker(db.sql, tenant, { scopes: decider, as: parent.claims });
    const child = await makeWorker(db.sql, tenant, { scopes: decider, as: asker.claims });
    const stranger = await makeWorker(db.sql, tenant, { scopes: decider });
    const asked = await ask(db.sql, asker.claims);
    for (const { claims } of [parent, asker, child])
      expect(await codeOf(decide(db.sql, claims, asked))).toBe("approval_own");
    expect((await decide(db.sql, stranger.claims, asked)).status).toBe("approved");
  });

  it("is allowed to the requester if a policy says so", async () => {
    const { admin, tenant } = await makeAsking(db.sql);
    const asker = await makeWorker(db.sql, tenant, { scopes: decider });
    await rpc(db.sql, admin, "set_approval_policy", { requester_decides: true });
    const asked = await ask(db.sql, asker.claims);
    expect((await decide(db.sql, asker.claims, asked)).status).toBe("approved");
  });

  it("accepts only the roles and the deciders of the approval", async () => {
    const { agent, owner, admin, member } = await makeAsking(db.sql);
    const forOwners = await ask(db.sql, agent.claims, { roles: ["owner"] });
    expect(await codeOf(decide(db.sql, admin, forOwners))).toBe("approval_not_yours");
    expect((await decide(db.sql, owner, forOwners)).status).toBe("approved");
    const forOne = await ask(db.sql, agent.claims, { deciders: [member.sub] });
    expect(await codeOf(decide(db.sql, owner, forOne))).toBe("approval_not_yours");
    expect((await decide(db.sql, member, forOne)).status).toBe("approved");
  });

  it("waits for its quorum, counts nobody twice, and ends at the first rejection", async () => {
    const { agent, owner, admin, member } = await makeAsking(db.sql);
    const asked = await ask(db.sql, agent.claims, { quorum: 2 });
    expect((await decide(db.sql, admin, asked)).status).toBe("pending");
    expect(await codeOf(decide(db.sql, admin, asked))).toBe("approval_decided");
    expect((await decide(db.sql, member, asked)).status).toBe("approved");
    const other = await ask(db.sql, agent.claims, { quorum: 3 });
    await decide(db.sql, owner, other);
    expect((await decide(db.sql, admin, other, { verdict: "reject" })).status).toBe("rejected");
  });

  it("accepts a changed input that matches the schema, and drops the approvals of the old input", async () => {
    const { agent, owner, admin, member } = await makeAsking(db.sql);
    const asked = await ask(db.sql, agent.claims, { input, input_schema, quorum: 2 });
    await decide(db.sql, owner, asked);
    const bad = { input: { amount: 500 } };
    expect(await refusalOf(decide(db.sql, admin, asked, bad))).toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining("$.amount must be at most 100"),
      details: { field: "input" },
    });
    const changed = await decide(db.sql, admin, asked, { input: { amount: 3 } });
    expect(changed).toMatchObject({ status: "pending", input: { amount: 3 } });
    expect(await codeOf(decide(db.sql, member, asked))).toBe("approval_changed");
    expect(await decide(db.sql, owner, changed)).toMatchObject({
      status: "approved",
      input: { amount: 3 },
    });
  });

  it("refuses a changed input without a schema, or with a rejection", async () => {
    const { agent, admin } = await makeAsking(db.sql);
    const asked = await ask(db.sql, agent.claims, { input });
    const changed = { input: { amount: 1 } };
    expect(await codeOf(decide(db.sql, admin, asked, changed))).toBe("invalid_request");
    const rejected = decide(db.sql, admin, asked, { ...changed, verdict: "reject" });
    expect(await codeOf(rejected)).toBe("invalid_request");
    expect(await codeOf(decide(db.sql, admin, { ...asked, digest: "00" }))).toBe(
      "approval_changed",
    );
  });

  it("treats equal arguments as the same, in any order of keys and form of numbers", async () => {
    const { agent } = await makeAsking(db.sql);
    const digests = [];
    for (const written of ['{"a": 1, "b": [2.50, {"c": 0}]}', '{"b": [2.5, {"c": 0.0}], "a": 1.0}'])
      digests.push((await ask(db.sql, agent.claims, { input: JSON.parse(written) })).digest);
    expect(digests[0]).toBe(digests[1]);
    const [row] = await db.sql`
      select mayfly_private.approval_digest('{"a": 1.0}') = mayfly_private.approval_digest('{"a": 1}') as same,
        mayfly_private.approval_digest('{"a": "1"}') = mayfly_private.approval_digest('{"a": 1}') as other`;
    expect(row).toEqual({ same: true, other: false });
  });

  it("expires by the clock, even before maintenance runs", async () => {
    const { agent, admin, tenant } = await makeAsking(db.sql);
    const asked = await ask(db.sql, agent.claims, { expires_in: 60 });
    await db.advance("61 seconds");
    expect(await refusalOf(decide(db.sql, admin, asked))).toMatchObject({
      code: "approval_decided",
      details: { status: "expired" },
    });
    await db.sql`select mayfly_private.maintain_approvals(${tenant}, 100)`;
    expect(await rpc(db.sql, admin, "get_approval", { id: asked.id })).toMatchObject({
      status: "expired",
    });
  });

  it("opens to the escalation roles after the escalation time", async () => {
    const { agent, admin, owner, tenant } = await makeAsking(db.sql);
    const policy = { escalate_after: 60, roles: ["owner"], escalation_roles: ["admin"] };
    await rpc(db.sql, admin, "set_approval_policy", { ...policy, notify: "tell" });
    const asked = await ask(db.sql, agent.claims);
    expect(await codeOf(decide(db.sql, admin, asked))).toBe("approval_not_yours");
    await db.advance("61 seconds");
    await db.sql`select mayfly_private.maintain_approvals(${tenant}, 100)`;
    await db.sql`select mayfly_private.maintain_approvals(${tenant}, 100)`;
    const told = await db.sql`
      select input ->> 'event' as event from mayfly.jobs where tenant_id = ${tenant} and name = 'tell' order by seq`;
    expect(told.map(({ event }) => event)).toEqual(["requested", "escalated"]);
    expect((await decide(db.sql, admin, asked)).status).toBe("approved");
    expect(
      (await rpc(db.sql, owner, "get_approval", { id: asked.id })).escalated_at,
    ).not.toBeNull();
  });

  it("can be delegated, and whoever delegated it can then no longer decide", async () => {
    const { agent, admin, owner, member, viewer } = await makeAsking(db.sql);
    const asked = await ask(db.sql, agent.claims, { roles: ["admin", "owner"], quorum: 2 });
    const hand = (by: typeof admin, to_id: unknown) =>
      rpc<Asked>(db.sql, by, "delegate_approval", { id: asked.id, to_id });
    expect(await codeOf(hand(admin, viewer.sub))).toBe("invalid_request");
    expect(await codeOf(hand(admin, agent.id))).toBe("invalid_request");
    expect(await codeOf(hand(member, owner.sub))).toBe("approval_not_yours");
    await hand(admin, member.sub);
    expect(await codeOf(decide(db.sql, admin, asked))).toBe("approval_not_yours");
    expect((await decide(db.sql, member, asked)).status).toBe("pending");
    expect((await decide(db.sql, owner, asked)).status).toBe("approved");
  });

  it("decides several approvals in one call, in order, each on its own", async () => {
    const { agent, admin } = await makeAsking(db.sql);
    const first = await ask(db.sql, agent.claims);
    const second = await ask(db.sql, agent.claims, { roles: ["owner"] });
    const third = await ask(db.sql, agent.claims);
    const decisions = [third, second, first, { id: randomUUID(), digest: "00" }].map(
      ({ id, digest }, n) => ({ id, digest, verdict: n === 0 ? "reject" : "approve" }),
    );
    const answers = await rpc<{ approval?: Asked; error?: { code: string } }[]>(
      db.sql,
      admin,
      "decide_approvals",
      { decisions: decisions as never },
    );
    expect(answers.map(({ approval, error }) => approval?.status ?? error?.code)).toEqual([
      "rejected",
      "approval_not_yours",
      "approved",
      "approval_unknown",
    ]);
  });
});
