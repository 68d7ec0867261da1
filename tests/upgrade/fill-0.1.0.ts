/** A database of 0.1.0 full of data: at least one row in each of its tables, made with its own functions. */
import { randomUUID } from "node:crypto";
import {
  actAs,
  type Claims,
  type Issued,
  inTenant,
  makeAgent,
  makePerson,
  makeTenant,
  rpc,
  type SpawnedAgent,
  type Sql,
  serviceRole,
} from "#harness/callers";
import { messageTo } from "#harness/messages";
import { deleteOf, putOf, updateOf } from "#harness/operations";

export interface Filled {
  tenant: string;
  owner: Claims;
}

const scopes = [
  ...["memory:read", "memory:write", "agent:read", "agent:spawn", "presence:read"],
  ...["message:read", "message:send", "channel:write", "channel:broadcast"],
  ...["state:read", "state:write", "debug:read", "debug:write"],
];

/** A tenant that has used every feature of 0.1.0. */
export async function fillTenant(sql: Sql, memories: number): Promise<Filled> {
  const tenant = await makeTenant(sql, { messages_kept: "3 days" });
  const owner = await makePerson(sql, { [tenant]: "owner" });
  const viewer = await makePerson(sql, { [tenant]: "viewer" });
  const asOwner = <T>(name: string, values: Record<string, unknown> = {}) =>
    rpc<T>(sql, owner, name, values);

  for (const prompt of ["be brief", "be kind"])
    await asOwner("define_agent_type", {
      name: "scout",
      prompt,
      capabilities: ["review"] as never,
    });
  const agent = await spawn(sql, owner);
  await asOwner("update_tenant", {
    retention: [{ older_than: 3e8, kind: "working" }] as never,
  });
  for (const end of ["stop_agent", "suspend_agent"]) {
    const other = await makeAgent(sql, tenant, { as: agent.claims });
    await rpc(sql, other.claims, end, { reason: "enough" });
  }
  const expired = await makeAgent(sql, tenant);
  await sql`update mayfly.agents set expires_at = clock_timestamp() where id = ${expired.id}`;

  await remember(sql, agent, memories);
  await talk(sql, agent, String(viewer.sub));
  for (const value of [{ step: 1 }, { step: 2 }])
    await rpc(sql, agent.claims, "set_state", { key: "plan", value, of_agent: agent.id });
  await asOwner("set_state", { key: "gone", value: 1 });
  await asOwner("delete_state", { key: "gone" });

  await asOwner("set_debug", { persist: true });
  await asOwner("lease_debug", { level: 1 });
  const record = { id: randomUUID(), level: 1, category: "task", name: "read", data: { n: 1 } };
  await rpc(sql, agent.claims, "append_debug", {
    records: [{ ...record, at: new Date().toISOString() }] as never,
  });
  await asOwner("invite_member", { role: "viewer", email: "somebody@example.com" });
  await asOwner("create_enrolment_key", { name: "a rack" });
  await asOwner("maintain");
  await rpc(sql, agent.claims, "listen", { log: true, channels: ["news"] as never, lost: 1 });
  // While somebody flushes, later nudges are not sent at once, but become due.
  await sql`update mayfly_private.flusher set at = clock_timestamp()`;
  for (const value of [1, 2]) await asOwner("set_state", { key: "due", value });
  await sql`update mayfly_private.flusher set at = '-infinity'`;
  return { tenant, owner };
}

async function spawn(sql: Sql, owner: Claims): Promise<SpawnedAgent> {
  const issued = await rpc<Issued>(sql, owner, "spawn_agent", {
    type: "scout",
    registration_key: "scout",
    metadata: { region: "eu" } as never,
    scopes: scopes as never,
  });
  const agent = {
    id: issued.agent.id,
    claims: issued.claims,
    renewalSecret: issued.renewal_secret,
  };
  await rpc(sql, agent.claims, "heartbeat", { activity: "thinking", task: "Read" });
  return agent;
}

/**
 * Memories: all kinds, several languages, settled and fresh vectors, tombstones, conflicts, private ones, and
 * some that wait.
 */
async function remember(sql: Sql, agent: SpawnedAgent, memories: number): Promise<void> {
  const sync = (push: object[]) =>
    actAs(
      sql,
      agent.claims,
      (session) => session`select mayfly.sync(${session.json(push as never)})`,
    );
  const kinds = [
    "episode",
    "task_result",
    "conversation",
    "learning",
    "fact",
    "working",
    "general",
  ];
  const ids = Array.from({ length: memories }, () => randomUUID());
  const puts = ids.map((id, n) => ({
    ...putOf({
      id,
      task: `Rotate key ${n}`,
      input: n % 2 ? "Which of the keys is the oldest one?" : undefined,
      output: "Import the new key, wait, then rotate — «ключ».",
      kind: kinds[n % kinds.length],
      tags: ["security", `n${n % 5}`],
      metadata: { n, deep: [{ a: null }] },
      reward: n % 3 ? n / memories : undefined,
      importance: 1 + (n % 10),
      visibility: n % 11 ? "tenant" : "agent",
      conversation_id: ids[n - (n % 4)],
      expires_at: n % 13 ? undefined : new Date(Date.now() + 3e10).toISOString(),
    }),
    ...(n % 4 && { embedding: vectorOf(n), model: n % 2 ? "m" : "other" }),
  }));
  for (let at = 0; at < puts.length; at += 100) await sync(puts.slice(at, at + 100));
  const [first = "", second = ""] = ids;
  await sync([
    updateOf(first, { reward: 0.1 }, { base: { reward: 0.2 }, resolve: "manual" }),
    updateOf(second, { tags: ["changed"], output: "Another." }),
    ...ids.slice(-5).map(deleteOf),
  ]);
  await sql`update mayfly_private.embedding_queue set attempts = 2 where memory_id = ${first}`;
  // Settles the vectors by hand, because settling itself needs a large tenant.
  await sql`update mayfly.memory_vectors v set settled = true from mayfly.agents a
    where a.id = ${agent.id} and v.tenant_id = a.tenant_id and v.model = 'm'`;
  await sql`insert into mayfly_private.settlements (tenant_id, model, vectors)
    select v.tenant_id, v.model, count(*) from mayfly.memory_vectors v join mayfly.agents a on a.tenant_id = v.tenant_id
    where a.id = ${agent.id} and v.settled group by 1, 2`;
}

const vectorOf = (n: number) => Array.from({ length: 384 }, (_, i) => Math.sin(n * 7 + i));

async function talk(sql: Sql, agent: SpawnedAgent, person: string): Promise<void> {
  await rpc(sql, agent.claims, "create_channel", { name: "news", kind: "two_way" });
  await rpc(sql, agent.claims, "subscribe_channel", { name: "news" });
  const messages = [
    messageTo(person, { payload: { text: "hello" }, priority: "high", correlation_id: "c-1" }),
    messageTo(agent.id, { type: "query", payload: { question: "?" }, reply_required: true }),
    messageTo({ channel: "news" }, { payload: { text: "news" } }),
  ];
  await rpc(sql, agent.claims, "send_messages", { messages: messages as never });
  const session = randomUUID();
  await rpc(sql, agent.claims, "open_inbox", { session });
  await rpc(sql, agent.claims, "pull_inbox", { session });
}

/** Two tenants, and a changed setting of the project. */
export async function fillDatabase(sql: Sql): Promise<[Filled, Filled]> {
  await sql`update mayfly_private.settings set announce_rate = 77`;
  const filled: [Filled, Filled] = [await fillTenant(sql, 120), await fillTenant(sql, 30)];
  await rpc(sql, serviceRole, "maintain", {}, inTenant(filled[0].tenant));
  return filled;
}
