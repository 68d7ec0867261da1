/** A tenant with a row in every table, and everyone who might want one. */
import { randomUUID } from "node:crypto";
import {
  actAs,
  anon,
  type Claims,
  type Issued,
  inSeconds,
  inTenant,
  machineClaims,
  makeAgent,
  makePerson,
  makeTenant,
  rpc,
  type SpawnedAgent,
  type Sql,
  serviceRole,
} from "#harness/callers";
import { messageTo } from "#harness/messages";
import { putOf, updateOf } from "#harness/operations";

export interface Caller {
  claims: Claims;
  headers?: Record<string, string>;
}

export interface Victim {
  tenant: string;
  owner: Claims;
  viewer: Claims;
  agent: SpawnedAgent;
  memory: string;
  invitation: string;
  invitationToken: string;
  key: string;
  keyId: string;
  /** A message of the agent to the viewer. */
  message: string;
  /** The name of a channel of kind two_way. */
  channel: string;
  lease: string;
  state: string;
  /** A running job of the agent, its lease, and a dead letter. */
  job: string;
  jobLease: string;
  deadJob: string;
}

/** A tenant that has used everything there is. */
export async function fillTenant(sql: Sql): Promise<Victim> {
  const tenant = await makeTenant(sql);
  const owner = await makePerson(sql, { [tenant]: "owner" });
  const viewer = await makePerson(sql, { [tenant]: "viewer" });
  const asOwner = <T>(name: string, values: Record<string, unknown>) =>
    rpc<T>(sql, owner, name, values);

  await asOwner("define_agent_type", { name: "scout", prompt: "the secret prompt" });
  const issued = await asOwner<Issued>("spawn_agent", {
    type: "scout",
    registration_key: "scout",
    scopes: [
      "memory:read",
      "memory:write",
      "agent:read",
      "agent:spawn",
      "presence:read",
      "message:read",
      "message:send",
      "channel:write",
      "channel:broadcast",
      "state:read",
      "state:write",
      "job:read",
      "job:add",
      "job:work",
      "debug:read",
      "debug:write",
    ],
  });
  const agent = {
    id: issued.agent.id,
    claims: issued.claims,
    renewalSecret: issued.renewal_secret,
  };
  await rpc(sql, agent.claims, "heartbeat");
  await makeAgent(sql, tenant, { as: agent.claims });

  const memory = randomUUID();
  const push = [
    {
      ...putOf({ id: memory, task: "the secret plan" }),
      embedding: Array(384).fill(0.1),
      model: "m",
    },
  ];
  await actAs(sql, agent.claims, (session) => session`select mayfly.sync(${session.json(push)})`);
  const conflict = [
    updateOf(memory, { reward: 0.1 }, { base: { reward: 0.2 }, resolve: "manual" }),
    putOf({ task: "waits for a vector" }),
  ];
  await actAs(
    sql,
    agent.claims,
    (session) => session`select mayfly.sync(${session.json(conflict as never)})`,
  );
  const channel = "secret-channel";
  await rpc(sql, agent.claims, "create_channel", { name: channel });
  await rpc(sql, agent.claims, "subscribe_channel", { name: channel });
  const said = messageTo(String(viewer.sub), { payload: { text: "the secret plan" } });
  await rpc(sql, agent.claims, "send_messages", {
    messages: [said, messageTo({ channel }, { payload: { text: "the secret plan" } })] as never,
  });
  const { id: state } = await rpc<{ id: string }>(sql, agent.claims, "set_state", {
    key: "plan",
    value: { secret: "plan" },
    of_agent: agent.id,
  });
  const jobs = await fillJobs(sql, tenant, owner, agent.claims);
  await asOwner("set_debug", { persist: true });
  const { lease } = await asOwner<{ lease: string }>("lease_debug", { level: 1 });
  await rpc(sql, agent.claims, "append_debug", {
    records: [
      {
        id: randomUUID(),
        level: 1,
        category: "task",
        name: "the secret plan",
        at: new Date().toISOString(),
      },
    ] as never,
  });
  await asOwner("maintain", {});
  await rpc(sql, agent.claims, "listen", { log: true, channels: [channel] as never, lost: 1 });
  // While somebody flushes, what nobody was told of yet is due.
  await sql`update mayfly_private.flusher set at = clock_timestamp()`;
  for (const value of [1, 2]) await asOwner("set_state", { key: "due", value });
  await sql`update mayfly_private.flusher set at = '-infinity'`;
  await sql`insert into mayfly_private.settlements (tenant_id, model, vectors) values (${tenant}, 'm', 1)`;
  const { token, invitation } = await asOwner<{ token: string; invitation: { id: string } }>(
    "invite_member",
    { role: "viewer", email: "somebody@example.com" },
  );
  const { key, enrolment_key } = await asOwner<{ key: string; enrolment_key: { id: string } }>(
    "create_enrolment_key",
    { name: "a rack" },
  );
  return {
    tenant,
    owner,
    viewer,
    agent,
    memory,
    invitation: invitation.id,
    invitationToken: token,
    key,
    keyId: enrolment_key.id,
    message: said.id,
    channel,
    lease,
    state,
    ...jobs,
  };
}

/** A job that runs, with a step and a signal; one that is a dead letter; a queue, a schedule and a worker that sleeps. */
async function fillJobs(sql: Sql, tenant: string, owner: Claims, worker: Claims) {
  const asWorker = <T>(name: string, values: Record<string, unknown>) =>
    rpc<T>(sql, worker, name, values);
  const take = async (queue: string) => {
    const { jobs } = await asWorker<{ jobs: { id: string; lease: string }[] }>("claim_jobs", {
      queues: [queue],
    });
    return jobs[0] ?? { id: "", lease: "" };
  };
  await asWorker("add_jobs", {
    jobs: [
      { name: "work", key: "work", input: { secret: "plan" } },
      { name: "dead", max_attempts: 1 },
    ] as never,
  });
  const running = await take("work");
  const steps = [{ name: "one", result: "the secret plan" }] as never;
  await asWorker("record_steps", { lease: running.lease, steps });
  await asWorker("signal_job", { id: running.id, name: "go", payload: "the secret plan" });
  const dead = await take("dead");
  const failures = [{ lease: dead.lease, error: { message: "the secret plan" } }] as never;
  await asWorker("fail_jobs", { failures });
  await rpc(sql, owner, "set_queue", { name: "work", max_running: 5 });
  await rpc(sql, owner, "set_schedule", { name: "yearly", cron: "@yearly", job: "work" });
  await rpc(sql, serviceRole, "set_job_share", { weight: 2 }, inTenant(tenant));
  await asWorker("claim_jobs", { park: randomUUID(), queues: ["nothing"] });
  return { job: running.id, jobLease: running.lease, deadJob: dead.id };
}

/** Everyone who is somebody, and nobody to the victim. */
export async function makeStrangers(sql: Sql, victim: Victim): Promise<Record<string, Caller>> {
  const { tenant, agent, owner } = victim;
  const own = await fillTenant(sql);
  const stopped = await makeAgent(sql, tenant);
  await rpc(sql, stopped.claims, "stop_agent");
  const suspended = await makeAgent(sql, tenant);
  await rpc(sql, suspended.claims, "suspend_agent");
  const expired = await makeAgent(sql, tenant);
  await sql`update mayfly.agents set expires_at = clock_timestamp() where id = ${expired.id}`;
  const parent = await makeAgent(sql, tenant, { scopes: ["agent:spawn", "memory:read"] });
  const orphan = await makeAgent(sql, tenant, { as: parent.claims, scopes: ["memory:read"] });
  await rpc(sql, parent.claims, "stop_agent");
  const removed = await makePerson(sql, {});
  const revoked = await rpc<{ key: string; enrolment_key: { id: string } }>(
    sql,
    owner,
    "create_enrolment_key",
    { name: "gone" },
  );
  await rpc(sql, owner, "revoke_enrolment_key", { id: revoked.enrolment_key.id });
  const named = inTenant(tenant);
  const forged = { ...(own.agent.claims.mayfly as object), tenant };

  return {
    anon: { claims: anon },
    "anon, naming this tenant": { claims: anon, headers: named },
    "a person without a tenant": { claims: removed, headers: named },
    "the owner of another tenant": { claims: own.owner },
    "the owner of another tenant, naming this one": { claims: own.owner, headers: named },
    "an agent of another tenant": { claims: own.agent.claims },
    "an agent of another tenant, naming this one": { claims: own.agent.claims, headers: named },
    "an agent of another tenant whose claims name this one": {
      claims: { ...own.agent.claims, mayfly: forged },
    },
    "a machine of another tenant, naming this one": {
      claims: machineClaims(own.key),
      headers: named,
    },
    "a machine whose key is revoked": { claims: machineClaims(revoked.key) },
    "a stopped agent of this tenant": { claims: stopped.claims },
    "a suspended agent of this tenant": { claims: suspended.claims },
    "an expired agent of this tenant": { claims: expired.claims },
    "an agent of this tenant whose parent has stopped": { claims: orphan.claims },
    "an agent of this tenant by a wrong issuer": { claims: { ...agent.claims, iss: "somebody" } },
    "an agent of this tenant before its time": { claims: { ...agent.claims, nbf: inSeconds(60) } },
    "an agent of this tenant by an expired token": {
      claims: { ...agent.claims, exp: inSeconds(-31) },
    },
    "the owner of this tenant by a wrong issuer": { claims: { ...owner, iss: "mayfly" } },
    "the owner of this tenant by an expired token": { claims: { ...owner, exp: inSeconds(-31) } },
    "a person whose id is the agent's": { claims: { ...own.owner, sub: agent.id } },
    "the secret key, naming no tenant": { claims: serviceRole },
  };
}
