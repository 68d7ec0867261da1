/** A tenant with an agent that syncs, for tests of sync. */
import { actAs, type Claims, makeAgent, makeTenant } from "./callers.ts";
import { openTestDatabase } from "./database.ts";
import { putOf, updateOf } from "./operations.ts";

export interface SyncResult {
  id: string;
  status: string;
  version?: number;
  fields?: Record<string, string>;
  conflicts?: Record<string, string>;
}
export interface SyncAnswer {
  results: SyncResult[];
  events: { id: number; type: string; subject: string; fields: string[] | null }[];
  memories: { id: string; task: string; input: string; reward: number }[];
  cursor: string;
  more: boolean;
}

export type Syncing = Awaited<ReturnType<typeof openSyncing>>;

export async function openSyncing() {
  const db = await openTestDatabase();
  const tenant = await makeTenant(db.sql);
  const agent = await makeAgent(db.sql, tenant);

  /** Pushes operations and pulls up to 1,000 rows. If there are operations but no cursor, it only pushes. */
  const sync = (
    push: unknown[],
    since: string | null = null,
    claims: Claims = agent.claims,
    limit = since === null && push.length > 0 ? 0 : 1000,
  ) =>
    actAs(db.sql, claims, async (session) => {
      const [row] =
        await session`select mayfly.sync(${session.json(push as never)}, ${since}, ${limit}) as answer`;
      return row?.answer as SyncAnswer;
    });
  const remember = async (fields: Record<string, unknown> = {}) => {
    const put = putOf(fields);
    await sync([put]);
    return put.memory.id;
  };
  const update = async (...input: Parameters<typeof updateOf>) => {
    const { results } = await sync([updateOf(...input)]);
    return results[0] as SyncResult;
  };
  const read = async (id: string) => {
    const [row] =
      await db.sql`select * from mayfly.memories where tenant_id = ${tenant} and id = ${id}`;
    return row ?? {};
  };
  return { db, tenant, agent, sync, remember, update, read };
}

/** A clock value this many seconds from now. */
export const clock = (seconds: number, node = "test") =>
  `${String(Date.now() + seconds * 1000).padStart(13, "0")}-0000-${node}`;
