/** Approvals in workflows. Without approval, a run fails even if its code does not check the decision. */
import { workflow } from "@mayfly/sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { makeStage } from "./running.ts";

let db: TestDatabase;
let stage: Awaited<ReturnType<typeof makeStage>>;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db?.close());
beforeEach(async () => {
  stage = await makeStage(db);
});

const did: unknown[] = [];
const refund = workflow("refund", null, async (ctx, { amount }: { amount: number }) => {
  const asked = ctx.approve("Refund?", { amount }, { expiresIn: "30d", inputSchema: fits });
  const first = await ctx.any("soon", { asked, remind: ctx.sleep("1d") });
  if (first.key === "remind") await ctx.step("remind", () => "Please.");
  const { input, reasons } = await asked;
  return ctx.step("pay", () => {
    did.push(input);
    return { paid: input.amount, reasons, reminded: first.key === "remind" };
  });
});
const fits = { type: "object", properties: { amount: { type: "number", maximum: 50 } } };

type Asked = { id: string; digest: string };
const open = async () => (await stage.call<Asked[]>("list_approvals", { mine: true }))[0] as Asked;
const decide = async (verdict: "approve" | "reject", more = {}) => {
  const { id, digest } = await open();
  return stage.call("decide_approval", { id, digest, verdict, ...more });
};

describe("an approval of a workflow", () => {
  it("survives a reminder and a month, and returns the approved input", async () => {
    did.length = 0;
    const id = await stage.start(refund, { amount: 20 });
    await stage.drain(refund.handlers);
    const { approvals } = await stage.query(id);
    expect(approvals).toMatchObject([{ title: "Refund?" }]);
    await db.advance("2 days");
    await stage.drain(refund.handlers);
    await db.advance("27 days");
    await stage.drain(refund.handlers);
    expect((await stage.query(id)).status).toBe("waiting");
    await decide("approve", { input: { amount: 15 }, reason: "Fifteen will do." });
    await stage.drain(refund.handlers);
    expect((await stage.query(id)).result).toEqual({
      paid: 15,
      reasons: ["Fifteen will do."],
      reminded: true,
    });
    expect(did).toEqual([{ amount: 15 }]);
    const [asked] =
      await db.sql`select count(*)::int as n from mayfly.approvals where job_id = ${id}`;
    expect(asked?.n).toBe(1);
  });

  it("that is rejected, expired or withdrawn fails the run for good", async () => {
    did.length = 0;
    const [rejected, withdrawn, expired] = [
      await stage.start(refund, { amount: 1 }),
      await stage.start(refund, { amount: 2 }),
      await stage.start(refund, { amount: 3 }),
    ];
    await stage.drain(refund.handlers);
    const listed =
      await stage.call<(Asked & { input: { amount: number }; job_id: string })[]>("list_approvals");
    const of = (id: string) => listed.find((one) => one.job_id === id) as Asked;
    const { id, digest } = of(rejected);
    await stage.call("decide_approval", { id, digest, verdict: "reject", reason: "Too much." });
    await stage.call("cancel_approval", { id: of(withdrawn).id });
    await stage.drain(refund.handlers);
    // No maintenance runs. The run wakes by itself when the approval has expired.
    await db.advance("31 days");
    await stage.drain(refund.handlers);
    await stage.drain(refund.handlers);
    for (const [run, code] of [
      [rejected, "approval_rejected"],
      [withdrawn, "approval_rejected"],
      [expired, "approval_expired"],
    ] as const)
      expect(await stage.query(run)).toMatchObject({ status: "failed", error: { code } });
    expect((await stage.query(rejected)).error?.message).toMatch(/Too much/);
    expect(did).toEqual([]);
  });

  it("cannot be given by a signal", async () => {
    did.length = 0;
    const id = await stage.start(refund, { amount: 4 });
    await stage.drain(refund.handlers);
    const { id: asked } = await open();
    await stage.signal(id, `approval:${asked}`, { status: "approved" });
    await stage.drain(refund.handlers);
    expect((await stage.query(id)).status).toBe("waiting");
    expect(did).toEqual([]);
    const forged = workflow("forged", null, (ctx) => ctx.signal(`approval:${asked}`));
    const thief = await stage.start(forged);
    await stage.drain(forged.handlers);
    expect((await stage.query(thief)).error?.code).toBe("invalid_request");
  });

  it("that the policies waive is given at once", async () => {
    await stage.call("set_approval_policy", { autonomy: "none" });
    const id = await stage.start(refund, { amount: 5 });
    await stage.drain(refund.handlers);
    expect((await stage.query(id)).result).toMatchObject({ paid: 5, reminded: false });
  });
});
