/** Whether a tenant can harm the nudges of other tenants, because all of them share one flusher. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  codeOf,
  makeAgent,
  makePerson,
  makeTenant,
  renew,
  rpc,
  type SpawnedAgent,
} from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { putOf } from "#harness/operations";
import { withinAMinute } from "#harness/usage";

let db: TestDatabase;
let hostile: string;
let quiet: string;
let agent: SpawnedAgent;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  await db.sql`delete from mayfly_private.nudges_due`;
  await db.sql`delete from realtime.messages`;
  hostile = await makeTenant(db.sql);
  quiet = await makeTenant(db.sql);
  agent = await makeAgent(db.sql, quiet, { lifetime: 600 });
  await flush();
});

const flush = async () => {
  const [row] = await db.sql`select mayfly_private.flush_nudges() as told`;
  return row?.told as number;
};
const told = async (tenant: string) =>
  await db.sql`select topic, payload from realtime.messages where topic like ${`tenant:${tenant}:%`} order by id`;
const dueOf = async (tenant: string) => {
  const [row] = await db.sql`
    select count(*)::int as rows, count(distinct topic)::int as topics
    from mayfly_private.nudges_due where tenant_id = ${tenant}`;
  return row as unknown as { rows: number; topics: number };
};
/** Leaves a due nudge for the quiet tenant, whose agent listens. */
const makeDue = async () => {
  await rpc(db.sql, agent.claims, "sync", { push: [putOf()] as never, page_limit: 0 });
  await rpc(db.sql, agent.claims, "listen", { log: true });
  expect(await dueOf(quiet)).toEqual({ rows: 1, topics: 1 });
};
/** Due rows of the hostile tenant, for each of its topics in turn. */
const flood = (rows: number, topics: number, listened: boolean) => db.sql`
  with heard as (
    insert into mayfly_private.listeners (tenant_id, topic, until)
    select ${hostile}, format('tenant:%s:channel:c%s', ${hostile}::text, n), now() + interval '1 minute'
    from generate_series(0, ${topics - 1}::int) n where ${listened})
  insert into mayfly_private.nudges_due (tenant_id, topic, event, seq)
  select ${hostile}, format('tenant:%s:channel:c%s', ${hostile}::text, n % ${topics}::int), 'message', n
  from generate_series(1, ${rows}::int) n`;

describe("a tenant", () => {
  it("with failing broadcasts does not silence others", async () => {
    await db.sql.unsafe(`
      create function realtime.refuse() returns trigger language plpgsql as $$
      begin
        if new.topic like 'tenant:${hostile}:%' then raise exception 'poisoned'; end if;
        return new;
      end $$;
      create trigger refuse before insert on realtime.messages for each row execute function realtime.refuse()`);
    try {
      await flood(3, 1, true);
      await makeDue();
      expect(await flush()).toBe(1);
      expect(await told(quiet)).toMatchObject([{ topic: `tenant:${quiet}:log` }]);
      expect(await told(hostile)).toEqual([]);
    } finally {
      await db.sql.unsafe("drop function realtime.refuse() cascade");
    }
  });

  it("with very many due broadcasts takes only its share of a flush", async () => {
    await flood(25_000, 5, false);
    await makeDue();
    expect(await flush()).toBe(1);
    expect(await told(quiet)).toHaveLength(1);
    expect((await dueOf(hostile)).rows).toBeGreaterThan(10_000);
    while ((await dueOf(hostile)).rows > 0) await flush();
    expect(await told(hostile)).toEqual([]);
  });

  it("with more due broadcasts than allowed keeps one row for each topic, with its newest number", async () => {
    await flood(1_000, 100, true);
    expect(await flush()).toBe(50);
    expect(await dueOf(hostile)).toEqual({ rows: 50, topics: 50 });
    expect(await flush()).toBe(50);
    expect(await dueOf(hostile)).toEqual({ rows: 0, topics: 0 });
    const numbers = (await told(hostile)).map(({ payload }) => payload.seq as number);
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => 901 + n));
  });

  it("with changing debug levels does not pile up rows", async () => {
    const owner = await makePerson(db.sql, { [hostile]: "owner" });
    const streams: SpawnedAgent[] = [];
    for (let n = 0; n < 3; n++)
      streams.push(await makeAgent(db.sql, hostile, { scopes: ["debug:write"] }));
    for (const stream of streams) await rpc(db.sql, stream.claims, "debug_level");
    await db.sql`update mayfly_private.settings set announce_rate = 1`;
    try {
      await flood(4_999, 1, false);
      const change = (level: number) => rpc(db.sql, owner, "set_debug", { level });
      await change(2);
      const { rows } = await dueOf(hostile);
      expect(rows).toBeGreaterThanOrEqual(5_001);
      await change(3);
      expect((await dueOf(hostile)).rows).toBe(rows);
    } finally {
      await db.sql`update mayfly_private.settings set announce_rate = 50`;
    }
  });
});

describe("doing and undoing in a loop", () => {
  it("is charged as writes if each time adds an event to the log", async () => {
    const owner = await makePerson(db.sql, { [quiet]: "owner" });
    const viewer = await makePerson(db.sql, { [quiet]: "viewer" });
    const writes = async () => {
      const [row] = await db.sql`
        select sum(writes)::int as writes from mayfly_private.tenant_usage where tenant_id = ${quiet}`;
      return row?.writes as number;
    };
    await withinAMinute(db, async () => {
      const before = await writes();
      await rpc(db.sql, owner, "suspend_agent", { id: agent.id });
      await rpc(db.sql, owner, "resume_agent", { id: agent.id });
      expect(await writes()).toBe(before + 2);
      await rpc(db.sql, owner, "change_member_role", { user_id: viewer.sub, role: "member" });
      expect(await writes()).toBe(before + 3);
    });
  });
});

describe("a renewal secret", () => {
  it("that is used again and again leaves no more than 20 rows", async () => {
    const codes: string[] = [];
    for (let n = 0; n < 22; n++) {
      codes.push(
        await renew(db.sql, agent.renewalSecret).then(
          () => "ok",
          (error) => codeOf(Promise.reject(error)),
        ),
      );
    }
    expect(codes.filter((code) => code === "ok")).toHaveLength(20);
    expect(codes.slice(20)).toEqual(["rate_limited", "rate_limited"]);
    const [row] = await db.sql`
      select count(*)::int as rows from mayfly_private.renewal_secrets where agent_id = ${agent.id}`;
    expect(row?.rows).toBe(21);
  });
});

describe("a server's clock that was set back", () => {
  it("does not make a dead flusher look alive", async () => {
    await db.advance("1 hour");
    await flush();
    await db.advance("-1 hour");
    const [row] = await db.sql`select mayfly_private.is_flushed() as flushed`;
    expect(row?.flushed).toBe(false);
  });

  it("does not delay the nudge about a write", async () => {
    const write = () =>
      rpc(db.sql, agent.claims, "sync", { push: [putOf()] as never, page_limit: 0 });
    await db.advance("5 minutes");
    await rpc(db.sql, agent.claims, "listen", { log: true });
    await write();
    await flush();
    await db.sql`delete from realtime.messages`;
    await db.advance("-5 minutes");
    await write();
    expect(await told(quiet)).toHaveLength(1);
  });
});
