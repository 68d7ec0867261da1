/** A tenant with a peer that writes, and readers of its log, for tests of read_log. */
import { actAs, type Claims, makeAgent, makeTenant, type SpawnedAgent } from "#harness/callers";
import { openTestDatabase } from "#harness/database";

export interface LogPage {
  events: { id: number; type: string; subject: string; version: number | null }[];
  rows: {
    memory?: { id: string; task: string }[];
    state?: { id: string; key: string; version: number; value: unknown; action: string }[];
  };
  cursor: string;
  more: boolean;
}
type Asked = { since?: string; types?: string[]; with_rows?: unknown; page_limit?: number };

export type Reading = Awaited<ReturnType<typeof openReading>>;

export async function openReading() {
  const db = await openTestDatabase();
  let tenant = "";
  let peer: SpawnedAgent;

  /** A new tenant with a peer. */
  const begin = async () => {
    tenant = await makeTenant(db.sql);
    peer = await makeAgent(db.sql, tenant, { lifetime: 600 });
    return tenant;
  };
  const read = (claims: Claims, asked: Asked = {}) =>
    actAs(db.sql, claims, async (session) => {
      const { since = null, types = null, with_rows = {}, page_limit = 500 } = asked;
      const [row] = await session`
        select mayfly.read_log(${since}, ${types}, ${session.json(with_rows as never)}, ${page_limit}) as page`;
      return row?.page as LogPage;
    });
  const push = (operations: unknown[]) =>
    actAs(
      db.sql,
      peer.claims,
      (session) => session`select mayfly.sync(${session.json(operations as never)}, null, 0)`,
    );
  const setState = (key: string, value: unknown) =>
    actAs(
      db.sql,
      peer.claims,
      (session) => session`select mayfly.set_state(${key}, ${session.json(value as never)})`,
    );
  const readerWith = async (...scopes: string[]) =>
    (await makeAgent(db.sql, tenant, { scopes, lifetime: 600 })).claims;
  return { db, begin, read, push, setState, readerWith };
}

export const bytesOf = (value: unknown) => JSON.stringify(value).length;
