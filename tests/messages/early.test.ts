/**
 * Hosted Realtime reads the write-ahead log, so a message can arrive before its transaction is visible. If
 * the recipient does something with the message at once, the call has to wait for this transaction.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { actAs, type Claims, rpc, type Session, type SpawnedAgent } from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { messageTo } from "#harness/messages";
import { databaseUrl } from "#harness/needs";
import { type Asked, asking, decide, makeAsking } from "../approvals/asking.ts";
import { makeWorker } from "../jobs/working.ts";

describe.skipIf(!databaseUrl)("before a message's transaction is visible, its recipient", () => {
  let db: TestDatabase;
  let sender: SpawnedAgent;
  let recipient: SpawnedAgent;
  let admin: Claims;
  beforeAll(async () => {
    db = await openPostgresDatabase();
    const made = await makeAsking(db.sql);
    admin = made.admin;
    const scopes = [...asking, "message:read", "message:send"];
    sender = await makeWorker(db.sql, made.tenant, { scopes });
    recipient = await makeWorker(db.sql, made.tenant, { scopes });
    const session = crypto.randomUUID();
    for (const { claims } of [recipient, { claims: admin }])
      await rpc(db.sql, claims, "open_inbox", { session });
  });
  afterAll(() => db?.close());

  const untilBlocked = async () => {
    for (;;) {
      const waiting = await db.sql`select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`;
      if (waiting.length > 0) return;
    }
  };
  /** Starts `then` after a call. The call commits only when `then` is blocked or has ended. */
  const beforeCommit = async <T, U>(
    call: (session: Session) => Promise<T>,
    then: (made: T) => Promise<U>,
  ): Promise<U> => {
    let other: Promise<U> | undefined;
    await actAs(db.sql, sender.claims, async (session) => {
      other = then(await call(session));
      await Promise.race([untilBlocked(), other.catch(() => {})]);
    });
    return other as Promise<U>;
  };
  const request = async (session: Session) => {
    const [row] = await session`
      select mayfly.request_approval(title => 'May I?', roles => '{admin}') as asked`;
    return row?.asked as Asked;
  };

  it("can add a job that answers the message", async () => {
    const message = messageTo(recipient.id);
    const jobs = [{ name: "double", answers: message.id }];
    const added = await beforeCommit(
      (session) => session`select mayfly.send_messages(${session.json([message] as never)})`,
      () => rpc(db.sql, recipient.claims, "add_jobs", { jobs: jobs as never }),
    );
    expect(added).toMatchObject([{ existing: false }]);
  });

  it("can read and decide the approval that the message asks for", async () => {
    const read = await beforeCommit(request, ({ id }) =>
      rpc(db.sql, admin, "get_approval", { id }),
    );
    expect(read).toMatchObject({ title: "May I?", status: "pending" });
    const decided = await beforeCommit(request, (asked) => decide(db.sql, admin, asked));
    expect(decided).toMatchObject({ status: "approved" });
  });

  it("leaves no lock on its inbox when the approval is unknown", async () => {
    await actAs(db.sql, admin, async (session) => {
      await session
        .savepoint((inner) => inner`select mayfly.get_approval(${crypto.randomUUID()})`)
        .catch(() => {});
      const [row] = await db.sql`select count(*)::integer as free from (
        select from mayfly.inboxes where recipient_id = ${String(admin.sub)} for update skip locked) b`;
      expect(row?.free).toBe(1);
    });
  });
});
