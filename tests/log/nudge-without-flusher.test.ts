import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, rpc, type Session } from "#harness/callers";
import { deleteOf, putOf, updateOf } from "#harness/operations";
import { openSyncing, type Syncing } from "#harness/syncing";

let db: Syncing["db"];
let tenant: Syncing["tenant"];
let agent: Syncing["agent"];
beforeAll(async () => {
  ({ db, tenant, agent } = await openSyncing());
  await rpc(db.sql, agent.claims, "listen", { log: true });
});
afterAll(() => db.close());

/** How many nudges each audience got for what `work` commits. */
async function nudgesOf(work: (session: Session) => Promise<void>) {
  await db.sql`delete from realtime.messages`;
  await actAs(db.sql, agent.claims, work);
  const rows =
    await db.sql`select topic, count(*)::int as count from realtime.messages where event = 'log_appended' group by topic`;
  return Object.fromEntries(rows.map(({ topic, count }) => [topic as string, count as number]));
}
const push = async (session: Session, operations: unknown[]) => {
  await session`select mayfly.sync(${session.json(operations as never)}, null, 0)`;
};
const log = () => `tenant:${tenant}:log`;

describe("a nudge without a flusher", () => {
  it("comes once per transaction, whatever it appends", async () => {
    const [one, two] = [putOf(), putOf()];
    expect(
      await nudgesOf(async (session) => {
        await push(session, [one, two]);
        await push(session, [updateOf(one.memory.id, { reward: 1 }), deleteOf(two.memory.id)]);
      }),
    ).toEqual({ [log()]: 1 });
  });

  it("comes once to each audience", async () => {
    expect(
      await nudgesOf(async (session) => {
        await push(session, [putOf(), putOf({ visibility: "agent" })]);
        await push(session, [putOf({ visibility: "agent" })]);
      }),
    ).toEqual({ [log()]: 1, [`tenant:${tenant}:agent:${agent.id}`]: 1 });
  });

  it("is sent again when the savepoint that sent it is rolled back", async () => {
    expect(
      await nudgesOf(async (session) => {
        await session
          .savepoint(async (inner) => {
            await push(inner as unknown as Session, [putOf()]);
            throw new Error("rolled back");
          })
          .catch(() => {});
        await push(session, [putOf()]);
      }),
    ).toEqual({ [log()]: 1 });
  });
});
