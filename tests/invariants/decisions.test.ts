/** Decisions that depend on rows that another open transaction changes. Each test has two real sessions. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  actAs,
  type Claims,
  codeOf,
  type Issued,
  inTenant,
  machineClaims,
  makeAgent,
  makePerson,
  makeTenant,
  renew,
  rpc,
  type Session,
  serviceRole,
} from "#harness/callers";
import { openPostgresDatabase, type TestDatabase } from "#harness/database";
import { databaseUrl } from "#harness/needs";

let db: TestDatabase;
let tenant: string;

/** Resolves when the other session waits for a lock, or has ended without waiting. */
async function untilWaiting(ended: () => boolean): Promise<void> {
  while (!ended()) {
    const [row] = await db.sql`
      select count(*)::int as waiting from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    if (row?.waiting > 0) return;
  }
}

/**
 * Starts `second` while the transaction of `first` is open. Commits `first` when `second` waits or has ended.
 */
async function overlap<T>(
  claims: Claims,
  first: (session: Session) => Promise<unknown>,
  second: () => Promise<T>,
  then: (session: Session) => Promise<unknown> = async () => {},
): Promise<PromiseSettledResult<T>> {
  let other: Promise<PromiseSettledResult<T>[]> = Promise.resolve([]);
  await actAs(
    db.sql,
    claims,
    async (session) => {
      await first(session);
      let ended = false;
      other = Promise.allSettled([second()]).finally(() => {
        ended = true;
      });
      await untilWaiting(() => ended);
      await then(session);
    },
    claims === serviceRole ? inTenant(tenant) : {},
  );
  const [outcome] = await other;
  return outcome as PromiseSettledResult<T>;
}

/** The code of the error with which a call was refused, or `ok`. */
async function codeOfOutcome(outcome: PromiseSettledResult<unknown>): Promise<string> {
  return outcome.status === "fulfilled" ? "ok" : codeOf(Promise.reject(outcome.reason));
}

describe.skipIf(!databaseUrl)("two concurrent callers", () => {
  beforeAll(async () => {
    db = await openPostgresDatabase();
  });
  afterAll(() => db?.close());
  beforeEach(async () => {
    tenant = await makeTenant(db.sql);
  });

  /** The last levels that the agent was told to record. */
  async function lastTold(agent: string): Promise<unknown> {
    const [row] = await db.sql`
      select payload -> 'levels' as levels from realtime.messages
      where topic = ${`tenant:${tenant}:agent:${agent}`} and event = 'debug_level'
      order by inserted_at desc limit 1`;
    return row?.levels;
  }

  it("that release the last two debug leases of an agent leave it silent", async () => {
    const agent = await makeAgent(db.sql, tenant, { scopes: ["debug:write"] });
    await rpc(db.sql, agent.claims, "debug_level");
    const member = await makePerson(db.sql, { [tenant]: "member" });
    const lease = async () =>
      (await rpc<{ lease: string }>(db.sql, member, "lease_debug", { level: 4 })).lease;
    const [one, two] = [await lease(), await lease()];
    const outcome = await overlap(
      member,
      (session) => session`select mayfly.release_debug(${one})`,
      () => rpc(db.sql, member, "release_debug", { lease: two }),
    );
    expect(await codeOfOutcome(outcome)).toBe("ok");
    expect(await lastTold(agent.id)).toEqual({});
  });

  it("that lease and release one agent's stream leave it recording", async () => {
    const agent = await makeAgent(db.sql, tenant, { scopes: ["debug:write"] });
    await rpc(db.sql, agent.claims, "debug_level");
    const member = await makePerson(db.sql, { [tenant]: "member" });
    const { lease } = await rpc<{ lease: string }>(db.sql, member, "lease_debug", { level: 4 });
    await overlap(
      member,
      (session) => session`select mayfly.lease_debug(1)`,
      () => rpc(db.sql, member, "release_debug", { lease }),
    );
    expect(await lastTold(agent.id)).toMatchObject({ task: 1 });
  });

  it("lose no lease when the first begins to listen and the second leases its debug stream", async () => {
    const agent = await makeAgent(db.sql, tenant, { scopes: ["debug:write"] });
    const member = await makePerson(db.sql, { [tenant]: "member" });
    let seen: { levels?: Record<string, number> } = {};
    const outcome = await overlap(
      agent.claims,
      async (session) => {
        const [row] = await session`select mayfly.debug_level() as levels`;
        seen = row?.levels;
      },
      () => rpc<{ agents: number }>(db.sql, member, "lease_debug", { level: 2 }),
    );
    expect(seen.levels).toEqual({});
    expect(outcome).toMatchObject({ value: { agents: 1 } });
    expect(await lastTold(agent.id)).toMatchObject({ task: 2 });
  });

  it("leave no agent alive when the first spawns with a key that the second revokes with its agents", async () => {
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const made = await rpc<{ key: string; enrolment_key: { id: string } }>(
      db.sql,
      owner,
      "create_enrolment_key",
      { name: "k" },
    );
    // A key's last use is written once a minute. This spawn writes it, so the next spawn does not lock the
    // key's row.
    await rpc(db.sql, machineClaims(made.key), "spawn_agent");
    const revoke = () =>
      rpc(db.sql, owner, "revoke_enrolment_key", { id: made.enrolment_key.id, stop_agents: true });
    await overlap(
      machineClaims(made.key),
      (session) => session`select mayfly.spawn_agent()`,
      revoke,
    );
    const [row] = await db.sql`
      select count(*)::int as agents, count(*) filter (where status = 'running')::int as running
      from mayfly.agents where tenant_id = ${tenant}`;
    expect(row).toEqual({ agents: 2, running: 0 });
  });

  it("spawn nothing when the first revokes the key with which the second spawns", async () => {
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const made = await rpc<{ key: string; enrolment_key: { id: string } }>(
      db.sql,
      owner,
      "create_enrolment_key",
      { name: "k" },
    );
    const outcome = await overlap(
      owner,
      (session) => session`select mayfly.revoke_enrolment_key(${made.enrolment_key.id}, true)`,
      () => rpc<Issued>(db.sql, machineClaims(made.key), "spawn_agent"),
    );
    expect(await codeOfOutcome(outcome)).toBe("not_authorized");
  });

  it("spawn nothing when the first removes the second from the tenant", async () => {
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const member = await makePerson(db.sql, { [tenant]: "member" });
    const outcome = await overlap(
      owner,
      (session) => session`select mayfly.remove_member(${String(member.sub)})`,
      () => rpc<Issued>(db.sql, member, "spawn_agent"),
    );
    expect(await codeOfOutcome(outcome)).toBe("tenant_unknown");
  });

  it("keep one of two admins who remove each other, or who demote each other", async () => {
    for (const [mine, theirs] of [
      ["remove_member($1)", "remove_member"],
      ["change_member_role($1, 'viewer')", "change_member_role"],
    ] as const) {
      const [one, two] = [
        await makePerson(db.sql, { [tenant]: "admin" }),
        await makePerson(db.sql, { [tenant]: "admin" }),
      ];
      const outcome = await overlap(
        one,
        (session) => session.unsafe(`select mayfly.${mine}`, [String(two.sub)]),
        () =>
          rpc(db.sql, two, theirs, {
            user_id: one.sub,
            ...(theirs === "change_member_role" && { role: "viewer" }),
          }),
      );
      expect(await codeOfOutcome(outcome)).toMatch(/^(tenant_unknown|scope_missing)$/);
    }
  });

  it("create only one channel if the tenant has room for one", async () => {
    await db.sql`
      insert into mayfly.channels (tenant_id, name, kind)
      select ${tenant}, 'c' || n, 'two_way' from generate_series(1, 999) n`;
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const outcome = await overlap(
      owner,
      (session) => session`select mayfly.create_channel('one')`,
      () => rpc(db.sql, owner, "create_channel", { name: "two" }),
    );
    expect(await codeOfOutcome(outcome)).toBe("quota_exceeded");
  });

  it("never deadlock when one renews an agent and one resumes it", async () => {
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const agent = await makeAgent(db.sql, tenant);
    const outcome = await overlap(
      owner,
      (session) => session`select mayfly.suspend_agent(${agent.id})`,
      () => renew(db.sql, agent.renewalSecret),
      (session) => session`select mayfly.resume_agent(${agent.id})`,
    );
    // The call that resumed the agent had replaced this secret.
    expect(await codeOfOutcome(outcome)).toBe("renewal_refused");
  });

  it("are answered one after the other when one renews and one repeats the previous renewal", async () => {
    const agent = await makeAgent(db.sql, tenant);
    const { renewal_secret } = await renew(db.sql, agent.renewalSecret);
    const [first, repeated] = await Promise.allSettled([
      renew(db.sql, renewal_secret),
      renew(db.sql, agent.renewalSecret),
    ]);
    expect(first).toMatchObject({
      status: "fulfilled",
      value: { renewal_secret: expect.any(String) },
    });
    // A repetition that comes first is answered, because the first answer may have been lost. If it comes
    // second, its secret is no longer known.
    expect(await codeOfOutcome(repeated)).toMatch(/^(ok|renewal_refused)$/);
  });

  it("never deadlock when one accepts an invitation and one erases its tenant", async () => {
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const guest = await makePerson(db.sql, {});
    const { token } = await rpc<{ token: string }>(db.sql, owner, "invite_member", {
      role: "viewer",
    });
    // Like erase_tenant: first the tenant, then its invitations.
    const outcome = await overlap(
      { role: "postgres" },
      (session) => session`select from mayfly.tenants where id = ${tenant} for update`,
      () => rpc(db.sql, guest, "accept_invitation", { token }),
      (session) =>
        session`update mayfly.invitations set revoked_at = now() where tenant_id = ${tenant}`,
    );
    expect(await codeOfOutcome(outcome)).toBe("invitation_unknown");
  });

  it("leave no grant when one grants scopes to a client and one ends the membership", async () => {
    const owner = await makePerson(db.sql, { [tenant]: "owner" });
    const member = await makePerson(db.sql, { [tenant]: "member" });
    const granted = { client_id: "late", scopes: ["state:read"] };
    const outcome = await overlap(
      owner,
      (session) => session`select mayfly.remove_member(${String(member.sub)})`,
      () => rpc(db.sql, member, "grant_client", granted),
    );
    expect(await codeOfOutcome(outcome)).toBe("tenant_unknown");
  });
});
