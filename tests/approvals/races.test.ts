/** Approvals with many deciders at once, on Postgres. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makePerson, rpc } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";
import { ask, askInJob, decide, makeAsking, use } from "./asking.ts";

let db: TestDatabase;

describe.skipIf(!databaseUrl)("an approval under concurrency", () => {
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());

  it("reaches a quorum exactly, with 16 deciders at once, ten times", async () => {
    const { tenant, agent } = await makeAsking(db.sql);
    const deciders = await Promise.all(
      Array.from({ length: 16 }, () => makePerson(db.sql, { [tenant]: "admin" })),
    );
    for (let turn = 0; turn < 10; turn++) {
      const quorum = 1 + turn;
      const asked = await ask(db.sql, agent.claims, { quorum });
      const outcomes = await Promise.allSettled(deciders.map((one) => decide(db.sql, one, asked)));
      const taken = outcomes.filter(({ status }) => status === "fulfilled");
      expect(taken).toHaveLength(quorum);
      const [row] = await db.sql`
        select a.status, count(*)::int as decisions from mayfly.approvals a
        join mayfly.approval_decisions d on d.tenant_id = a.tenant_id and d.approval_id = a.id
        where a.id = ${asked.id} group by 1`;
      expect(row).toEqual({ status: "approved", decisions: quorum });
    }
  });

  it("has one outcome and no deadlock when approval, rejection, withdrawal and the job's end coincide", async () => {
    const { tenant, agent, admin, owner, member } = await makeAsking(db.sql);
    for (let turn = 0; turn < 20; turn++) {
      const { job, lease, asked } = await askInJob(db.sql, agent.claims, { expires_in: 3600 });
      const outcomes = await Promise.allSettled([
        decide(db.sql, admin, asked),
        decide(db.sql, owner, asked, { verdict: "reject" }),
        rpc(db.sql, agent.claims, "cancel_approval", { id: asked.id }),
        use(db.sql, agent.claims, lease, asked.id),
        rpc(db.sql, agent.claims, "wait_job", {
          lease,
          step: "w",
          signals: [`approval:${asked.id}`],
        }),
        rpc(db.sql, member, "delegate_approval", { id: asked.id, to_id: owner.sub }),
        rpc(db.sql, admin, "cancel_jobs", { ids: [job] as never }),
        db.sql`select mayfly_private.maintain_approvals(${tenant}, 100)`,
      ]);
      const codes = outcomes.map((one) =>
        one.status === "fulfilled" ? "done" : (one.reason as { code: string }).code,
      );
      // Anything other than a refusal, such as a deadlock (40P01), is an error.
      expect(codes.filter((code) => code !== "done" && code !== "PGRST")).toEqual([]);
      const decided = outcomes.slice(0, 3).filter(({ status }) => status === "fulfilled").length;
      expect(decided).toBeLessThanOrEqual(1);
    }
  });
});
