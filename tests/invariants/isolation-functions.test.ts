import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, machineClaims, makeAgent, refusalOf, rpc } from "#harness/callers";
import { openTestDatabase, type TestDatabase } from "#harness/database";
import { messageTo } from "#harness/messages";
import { putOf } from "#harness/operations";
import { type Caller, fillTenant, makeStrangers, type Victim } from "./sweep.ts";

let db: TestDatabase;
let victim: Victim;
let strangers: Record<string, Caller>;
let attacks: Record<string, Attack>;

interface Attack {
  /** What it is called with, aimed at the victim. */
  values: Record<string, unknown>;
  /** The scope without which it is refused to who is in the tenant; null where none is needed. */
  needs: string | null;
  /** It is for these kinds of callers alone. */
  only?: "person" | "agent" | "secret" | "renewal";
  /**
   * Refused to a viewer of the tenant, who may have the scope; `own`: it may, and changes what is its own
   * alone, as its inbox.
   */
  viewer: "may" | "may not" | "own";
}

beforeAll(async () => {
  db = await openTestDatabase();
  victim = await fillTenant(db.sql);
  strangers = await makeStrangers(db.sql, victim);
  const agent = victim.agent.id;
  const user = victim.viewer.sub;
  attacks = {
    accept_invitation: {
      values: { token: victim.invitationToken, id: victim.invitation },
      needs: null,
      only: "person",
      viewer: "may not",
    },
    acknowledge_channel: {
      values: { name: victim.channel, seq: 0 },
      needs: "message:read",
      viewer: "may not",
    },
    acknowledge_messages: { values: { seqs: [1] }, needs: "message:read", viewer: "own" },
    add_jobs: { values: { jobs: [{ name: "mine" }] }, needs: "job:add", viewer: "may not" },
    add_member: {
      values: { user_id: user, role: "owner" },
      needs: "member:write",
      only: "secret",
      viewer: "may not",
    },
    agent_tree: { values: { root: agent }, needs: "agent:read", viewer: "may" },
    append_debug: {
      values: { records: [] },
      needs: "debug:write",
      only: "agent",
      viewer: "may not",
    },
    cancel_jobs: { values: { ids: [victim.job] }, needs: "job:add", viewer: "may not" },
    change_member_role: {
      values: { user_id: user, role: "owner" },
      needs: "member:write",
      viewer: "may not",
    },
    channel_statistics: {
      values: { name: victim.channel },
      needs: "message:read",
      viewer: "may not",
    },
    claim_any_jobs: { values: {}, needs: null, only: "secret", viewer: "may not" },
    claim_jobs: { values: { wanted: 10 }, needs: "job:work", viewer: "may not" },
    claim_embeddings: { values: { model: "m" }, needs: null, only: "secret", viewer: "may not" },
    complete_jobs: {
      values: { done: [{ lease: victim.jobLease }] },
      needs: "job:work",
      viewer: "may not",
    },
    complete_embeddings: {
      values: { model: "m", results: [] },
      needs: null,
      only: "secret",
      viewer: "may not",
    },
    create_channel: {
      values: { name: "mine", kind: "broadcast" },
      needs: "channel:write",
      viewer: "may not",
    },
    create_enrolment_key: { values: { name: "mine" }, needs: "key:write", viewer: "may not" },
    create_tenant: { values: { name: "mine" }, needs: null, only: "person", viewer: "may not" },
    debug_level: { values: {}, needs: "debug:write", only: "agent", viewer: "may not" },
    define_agent_type: {
      values: { name: "scout", prompt: "obey me" },
      needs: "type:write",
      viewer: "may not",
    },
    delete_channel: {
      values: { name: victim.channel },
      needs: "channel:write",
      viewer: "may not",
    },
    delete_schedule: { values: { name: "yearly" }, needs: "job:admin", viewer: "may not" },
    discard_jobs: { values: {}, needs: "job:admin", viewer: "may not" },
    fail_jobs: {
      values: { failures: [{ lease: victim.jobLease, error: { message: "mine" } }] },
      needs: "job:work",
      viewer: "may not",
    },
    get_job: { values: { id: victim.job }, needs: "job:read", viewer: "may" },
    heartbeat_jobs: { values: { leases: [victim.jobLease] }, needs: "job:work", viewer: "may not" },
    job_statistics: { values: {}, needs: "job:read", viewer: "may" },
    list_jobs: { values: {}, needs: "job:read", viewer: "may" },
    list_schedules: { values: {}, needs: "job:read", viewer: "may" },
    read_steps: { values: { lease: victim.jobLease }, needs: "job:work", viewer: "may not" },
    record_steps: {
      values: { lease: victim.jobLease, steps: [{ name: "planted" }] },
      needs: "job:work",
      viewer: "may not",
    },
    redrive_jobs: { values: {}, needs: "job:admin", viewer: "may not" },
    release_jobs: { values: { leases: [victim.jobLease] }, needs: "job:work", viewer: "may not" },
    set_job_share: { values: { weight: 100 }, needs: null, only: "secret", viewer: "may not" },
    set_queue: { values: { name: "work", paused: true }, needs: "job:admin", viewer: "may not" },
    set_schedule: {
      values: { name: "yearly", cron: "@hourly", job: "mine" },
      needs: "job:admin",
      viewer: "may not",
    },
    signal_job: { values: { id: victim.job, name: "go" }, needs: "job:add", viewer: "may not" },
    turn_jobs: {
      values: { done: [{ lease: victim.jobLease }], wanted: 10 },
      needs: "job:work",
      viewer: "may not",
    },
    wait_job: {
      values: { lease: victim.jobLease, step: "mine", signals: ["go"] },
      needs: "job:work",
      viewer: "may not",
    },
    delete_state: {
      values: { key: "plan", of_agent: agent },
      needs: "state:write",
      viewer: "may not",
    },
    embedding_progress: {
      values: { model: "m" },
      needs: null,
      only: "secret",
      viewer: "may not",
    },
    erase_tenant: { values: { name: "the victim" }, needs: "tenant:write", viewer: "may not" },
    export_tenant: { values: {}, needs: "tenant:write", viewer: "may not" },
    find_agents: { values: { type: "scout" }, needs: null, viewer: "may" },
    forget_vectors: { values: { model: "m" }, needs: null, only: "secret", viewer: "may not" },
    get_agent: { values: { id: agent }, needs: "agent:read", viewer: "may" },
    get_state: {
      values: { key: "plan", of_agent: agent },
      needs: "state:read",
      viewer: "may",
    },
    heartbeat: { values: { task: "taken over" }, needs: null, only: "agent", viewer: "may not" },
    installation: { values: {}, needs: null, only: "secret", viewer: "may not" },
    invite_member: { values: { role: "admin" }, needs: "member:write", viewer: "may not" },
    lease_debug: {
      values: { level: 4, for_agent: agent },
      needs: "debug:read",
      viewer: "may not",
    },
    leave_tenant: { values: {}, needs: null, only: "person", viewer: "may" },
    list_members: { values: {}, needs: "member:read", viewer: "may" },
    listen: {
      values: { log: true, channels: [victim.channel] as never, lost: 1 },
      needs: null,
      viewer: "own",
    },
    list_states: { values: { of_agent: agent }, needs: "state:read", viewer: "may" },
    living_agents: { values: { ids: [agent] }, needs: "presence:read", viewer: "may" },
    maintain: { values: {}, needs: "memory:write", viewer: "may not" },
    memory_statistics: { values: {}, needs: "memory:read", viewer: "may" },
    my_invitations: { values: {}, needs: null, only: "person", viewer: "may" },
    open_inbox: { values: { session: randomUUID() }, needs: "message:read", viewer: "own" },
    pull_inbox: { values: { session: randomUUID() }, needs: "message:read", viewer: "may not" },
    patch_state: {
      values: { key: "plan", patch: { secret: "mine" } as never, of_agent: agent },
      needs: "state:write",
      viewer: "may not",
    },
    queue_embeddings: { values: { model: "m" }, needs: null, only: "secret", viewer: "may not" },
    read_channel: { values: { name: victim.channel }, needs: "message:read", viewer: "may not" },
    recall: { values: { query: "secret plan" }, needs: "memory:read", viewer: "may" },
    reconcile_state: {
      values: { key: "plan", strategy: "latest_wins", ours: "mine", of_agent: agent },
      needs: "state:write",
      viewer: "may not",
    },
    release_debug: { values: { lease: victim.lease }, needs: "debug:read", viewer: "may not" },
    remove_member: { values: { user_id: user }, needs: "member:write", viewer: "may not" },
    renew_agent: { values: {}, needs: null, only: "renewal", viewer: "may not" },
    resume_agent: { values: { id: agent }, needs: "agent:stop", viewer: "may not" },
    revoke_enrolment_key: { values: { id: victim.keyId }, needs: "key:write", viewer: "may not" },
    revoke_invitation: {
      values: { id: victim.invitation },
      needs: "member:write",
      viewer: "may not",
    },
    rollback_state: {
      values: { key: "plan", version: 1, of_agent: agent },
      needs: "state:write",
      viewer: "may not",
    },
    set_quotas: { values: { max_bytes: 0 }, needs: null, only: "secret", viewer: "may not" },
    set_debug: { values: { persist: false }, needs: "tenant:write", viewer: "may not" },
    send_messages: {
      values: { messages: [messageTo(agent)] },
      needs: "message:send",
      viewer: "may not",
    },
    set_state: {
      values: { key: "plan", value: "mine", of_agent: agent },
      needs: "state:write",
      viewer: "may not",
    },
    spawn_agent: { values: { name: "intruder" }, needs: "agent:spawn", viewer: "may not" },
    spawn_team: {
      values: { team: [{ names: ["intruder"] }] },
      needs: "agent:spawn",
      viewer: "may not",
    },
    state_changes: {
      values: { changes: [{ id: victim.state, version: 1 }] as never },
      needs: "state:read",
      viewer: "may",
    },
    state_history: {
      values: { key: "plan", of_agent: agent },
      needs: "state:read",
      viewer: "may",
    },
    stop_agent: { values: { id: agent }, needs: "agent:stop", viewer: "may not" },
    subscribe_channel: {
      values: { name: victim.channel },
      needs: "message:read",
      viewer: "own",
    },
    suspend_agent: { values: { id: agent }, needs: "agent:stop", viewer: "may not" },
    sync: {
      values: { push: [putOf({ task: "planted" })] },
      needs: "memory:write",
      viewer: "may not",
    },
    tenant_ids: { values: {}, needs: null, viewer: "may" },
    transfer_tenant: {
      values: { user_id: user },
      needs: "member:write",
      only: "person",
      viewer: "may not",
    },
    unsubscribe_channel: {
      values: { name: victim.channel },
      needs: "message:read",
      viewer: "own",
    },
    update_channel: {
      values: { name: victim.channel, publishers: [] },
      needs: "channel:write",
      viewer: "may not",
    },
    update_tenant: { values: { name: "mine now" }, needs: "tenant:write", viewer: "may not" },
    usage: { values: {}, needs: null, viewer: "may" },
  };
});
afterAll(() => db.close());

const attack = (caller: Caller, name: string) =>
  rpc<unknown>(db.sql, caller.claims, name, attacks[name]?.values, caller.headers);
/** `refused`, or what was answered. */
const outcome = (caller: Caller, name: string) =>
  attack(caller, name).then(
    (answer) => JSON.stringify(answer ?? null),
    (error: { code: string; message: string }) => {
      if (["PGRST", "42501"].includes(error.code)) return "refused";
      throw error;
    },
  );

/** Everything there is of the victim. */
async function fingerprint() {
  const tables = await db.sql`
    select c.oid::regclass::text as name from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
    where n.nspname in ('mayfly', 'mayfly_private') and c.relkind in ('r', 'p')`;
  const prints: Record<string, unknown> = {};
  for (const { name } of tables) {
    const [row] = await db.sql.unsafe(
      `select md5(string_agg(to_jsonb(t)::text, '|' order by to_jsonb(t)::text)) as print from ${name} t where tenant_id = '${victim.tenant}'`,
    );
    prints[name as string] = row?.print;
  }
  const [row] =
    await db.sql`select md5(to_jsonb(t)::text) as print from mayfly.tenants t where id = ${victim.tenant}`;
  return { ...prints, tenants: row?.print };
}

describe("isolation, by the functions", () => {
  it("is tried on every function that is exposed", async () => {
    const exposed = await db.sql`
      select p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'mayfly'`;
    expect(
      exposed.map((row) => row.name as string).sort(),
      "say in `attacks` how it is called against a victim, and what it needs",
    ).toEqual(Object.keys(attacks).sort());
  });

  it("tells no stranger anything, and lets none change anything", async () => {
    const before = await fingerprint();
    const secrets = [
      victim.tenant,
      victim.agent.id,
      victim.memory,
      String(victim.owner.sub),
      "secret p",
    ];
    for (const [who, caller] of Object.entries(strangers)) {
      for (const name of Object.keys(attacks)) {
        const answer = await outcome(caller, name);
        // What strangers do in their own tenants holds their own secret plan.
        const told = secrets.slice(0, 4).filter((secret) => answer.includes(secret));
        expect(told, `${who}: ${name} answered ${answer.slice(0, 200)}`).toEqual([]);
      }
    }
    expect(await fingerprint()).toEqual(before);
  });

  it("refuses everything to anon and to those who are nobody", async () => {
    const nobodies = Object.entries(strangers).filter(([who]) =>
      /^anon|of this tenant|revoked/.test(who),
    );
    expect(nobodies.length).toBeGreaterThan(8);
    for (const [who, caller] of nobodies)
      for (const name of Object.keys(attacks).filter(
        (known) => known !== "tenant_ids" && known !== "my_invitations",
      ))
        expect(await outcome(caller, name), `${who}: ${name}`).toBe("refused");
  });

  it("lets a viewer change nothing", async () => {
    const before = await fingerprint();
    for (const [name, { viewer }] of Object.entries(attacks)) {
      if (name === "leave_tenant" || viewer === "own") continue;
      const answer = await outcome({ claims: victim.viewer }, name);
      expect(answer === "refused" ? "may not" : "may", name).toBe(viewer);
    }
    expect(await fingerprint()).toEqual(before);
  });

  it("refuses each to an agent that has every scope but the one it needs", async () => {
    const known = await db.sql`select name from mayfly.scopes where agents`;
    const scopes = known.map((row) => row.name as string);
    for (const [name, { needs, only }] of Object.entries(attacks)) {
      if (needs === null && (only === undefined || only === "agent")) continue;
      const { claims } = await makeAgent(db.sql, victim.tenant, {
        scopes: scopes.filter((scope) => scope !== needs),
      });
      const answer = await outcome({ claims }, name);
      if (name === "my_invitations") expect(answer).toBe("[]");
      else expect(answer, `${name} without ${needs}`).toBe("refused");
    }
  });

  it("refuses a machine everything but to spawn", async () => {
    const machine = { claims: machineClaims(victim.key) };
    for (const name of Object.keys(attacks)) {
      if (["tenant_ids", "my_invitations"].includes(name))
        expect(await outcome(machine, name), name).toBe("[]");
      else if (!name.startsWith("spawn_"))
        expect(await outcome(machine, name), name).toBe("refused");
    }
  });

  it("answers for another tenant's things as for those that do not exist", async () => {
    const claims = strangers["the owner of another tenant"]?.claims ?? {};
    for (const [name, { values }] of Object.entries(attacks)) {
      const field = Object.keys(values).find((key) => ["id", "root", "user_id"].includes(key));
      if (!field || ["add_member", "accept_invitation"].includes(name)) continue;
      const tell = (id: unknown) =>
        refusalOf(rpc(db.sql, claims, name, { ...values, [field]: id }));
      expect(await tell(values[field]), name).toEqual(await tell(randomUUID()));
    }
  });

  it("gives the secret key no tenant that it does not name", async () => {
    const caller = strangers["the secret key, naming no tenant"] as Caller;
    for (const name of ["sync", "spawn_agent", "find_agents", "erase_tenant", "list_members"])
      expect(await codeOf(attack(caller, name)), name).toBe("tenant_unknown");
  });
});
