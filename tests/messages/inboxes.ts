/** Two agents with inboxes in SQL, for tests of sending and of inboxes. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach } from "vitest";
import {
  actAs,
  type Claims,
  makeAgent,
  makeTenant,
  rpc,
  type SpawnedAgent,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import type { SentMessage } from "#harness/messages";

interface Pulled {
  messages: (SentMessage & { seq: number; attempt: number; sender_id: string })[];
  up_to: number;
  last_seq: number;
  more: boolean;
}

export let db: TestDatabase;
export let tenant: string;
export let ada: SpawnedAgent;
export let bob: SpawnedAgent;

export function setUp(): void {
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());
  beforeEach(async () => {
    tenant = await makeTenant(db.sql);
    ada = await makeAgent(db.sql, tenant, { lifetime: 600 });
    bob = await makeAgent(db.sql, tenant, { lifetime: 600 });
  });
}

export const send = (claims: Claims, ...messages: unknown[]) =>
  rpc<{ id: string; recipients?: number }[]>(db.sql, claims, "send_messages", {
    messages: messages as never,
  });
export const open = async (who: { claims: Claims }) => {
  const session = randomUUID();
  await rpc(db.sql, who.claims, "open_inbox", { session });
  return session;
};
export const pull = (who: { claims: Claims }, session: string, after = 0, page_limit = 100) =>
  rpc<Pulled>(db.sql, who.claims, "pull_inbox", { session, after, page_limit });
export const acknowledge = (who: { claims: Claims }, seqs: number[]) =>
  rpc<{ acknowledged: number; unseen: number[] }>(db.sql, who.claims, "acknowledge_messages", {
    seqs,
  });
/** The broadcasts to a topic of the tenant. */
export const broadcasts = async (topic: string, event = "message") => {
  const rows = await db.sql`select payload from realtime.messages
    where topic = ${`tenant:${tenant}:${topic}`} and event = ${event} order by inserted_at, id`;
  return rows.map((row) => row.payload as Record<string, unknown>);
};
export const eventsOf = async (claims: Claims) => {
  const rows = await actAs(
    db.sql,
    claims,
    (session) =>
      session`select type, agent_id, subject, audience from mayfly.events where type like 'message.%' order by xid, id`,
  );
  return rows.map((row) => ({ ...row }));
};
