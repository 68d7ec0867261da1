/** Lists that are longer than the 1,000 rows that the Data API returns at once. */
import { randomUUID } from "node:crypto";
import type { Mayfly } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { runCli } from "../cli/run.ts";

const many = 2_100;
let local: TestLocal;
let tenant: string;
let other: string;
let mayfly: Mayfly;
beforeAll(async () => {
  local = await startTestLocal();
});
afterAll(() => local?.close());
beforeEach(async () => {
  other = (await local.enter()).tenant;
  ({ tenant, mayfly } = await local.enter());
});
const numbers = Array.from({ length: many }, (_, n) => n + 1);

describe("a list of more than a thousand", () => {
  it("of enrolment keys is complete, and the newest can be revoked", async () => {
    // Many rows have the same time, so that a page may end in the middle of them.
    await local.sql`
      insert into mayfly.enrolment_keys (tenant_id, name, scopes, created_at, expires_at)
      select t.id, 'key ' || n, '{memory:read}', now() + (n / 700) * interval '1 second', now() + interval '1 day'
      from generate_series(1, ${many}::integer) n, unnest(${[tenant, other]}::uuid[]) t (id)`;
    await local.advance("1 hour");
    dataOf(await mayfly.keys.create({ name: "newest" }));
    const keys = dataOf(await mayfly.keys.list());
    expect(keys).toHaveLength(many + 1);
    expect(new Set(keys.map(({ name }) => name)).size).toBe(many + 1);
    const newest = keys.at(-1);
    expect(newest?.name).toBe("newest");
    dataOf(await mayfly.keys.revoke(newest?.id ?? ""));
    expect(dataOf(await mayfly.keys.list()).at(-1)?.revokedAt).toBeInstanceOf(Date);
  });

  it("of channels is complete, and has none of another tenant", async () => {
    await local.sql`
      insert into mayfly.channels (tenant_id, name, kind)
      select t.id, 'channel-' || n, 'two_way'
      from generate_series(1, ${many}::integer) n, unnest(${[tenant, other]}::uuid[]) t (id)`;
    const channels = dataOf(await mayfly.channels.list());
    expect(channels.map(({ name }) => name).sort()).toEqual(
      numbers.map((n) => `channel-${n}`).sort(),
    );
    dataOf(await mayfly.channels.open("channel-7").broadcast("tick", {}));
    await mayfly.channels.open("channel-7").leave();
  });

  it("of a channel's subscribers is paged to its end", async () => {
    dataOf(await mayfly.channels.create({ name: "findings" }));
    await local.sql`
      insert into mayfly.channel_subscriptions (tenant_id, channel_id, subscriber_id, acknowledged)
      select c.tenant_id, c.id, gen_random_uuid(), 0
      from mayfly.channels c, generate_series(1, ${many}::integer) n
      where c.tenant_id = ${tenant} and c.name = 'findings'`;
    const ids = new Set<string>();
    let after: string | null = null;
    do {
      const page: { subscribers: { id: string; lag: number }[]; next: string | null } = dataOf(
        await mayfly.channels.subscribers("findings", { limit: 1_000, ...(after && { after }) }),
      );
      for (const { id, lag } of page.subscribers) {
        ids.add(id);
        expect(lag).toBe(0);
      }
      after = page.next;
    } while (after);
    expect(ids.size).toBe(many);
  });

  it("of versions of agent types is complete, newest first", async () => {
    await local.sql`
      insert into mayfly.agent_types (tenant_id, name, version)
      select t.id, case when n <= 1500 then 'reader' else 'writer' end, n
      from generate_series(1, ${many}::integer) n, unnest(${[tenant, other]}::uuid[]) t (id)`;
    const types = dataOf(await mayfly.agents.types.list());
    expect(types.map(({ version }) => version)).toEqual([
      ...numbers.slice(0, 1500).reverse(),
      ...numbers.slice(1500).reverse(),
    ]);
    expect(dataOf(await mayfly.agents.types.list({ name: "reader" }))).toHaveLength(1500);
  });

  it("of members is complete", async () => {
    await local.sql`
      with people as (
        insert into auth.users (id, email)
        select gen_random_uuid(), 'p' || n || '@' || ${tenant}::text || '.example' from generate_series(1, ${many}::integer) n
        returning id)
      insert into mayfly.members (tenant_id, user_id, role) select ${tenant}, id, 'member' from people`;
    expect(dataOf(await mayfly.people.members.list())).toHaveLength(many);
  });

  it("of tenants is complete, in the SDK and on the command line", async () => {
    await local.sql`
      insert into mayfly.tenants (name, created_at)
      select 'crowd ' || n, now() + (n / 700) * interval '1 second' from generate_series(1, ${many}::integer) n`;
    const crowd = (tenants: { name: string }[]) =>
      new Set(tenants.map(({ name }) => name).filter((name) => name.startsWith("crowd "))).size;
    expect(crowd(dataOf(await mayfly.tenants.list()))).toBe(many);
    const words = ["status", "--json", "--url", local.apiUrl, "--key", local.secretKey];
    const { out } = await runCli(words);
    expect(crowd((JSON.parse(out) as { tenants: { name: string }[] }).tenants)).toBe(many);
  });
});

/** Leaves out rows without saying so, as the Data API of a project with `max_rows` does. */
describe("a project that returns seven rows at a time", () => {
  const mostRows = 7;
  const { fetch } = globalThis;
  beforeEach(() => {
    vi.stubGlobal("fetch", (input: string | URL | Request, init?: RequestInit) => {
      if (input instanceof Request) return fetch(input, init);
      const url = new URL(input);
      const limit = url.searchParams.get("limit");
      if (limit) url.searchParams.set("limit", String(Math.min(Number(limit), mostRows)));
      return fetch(url, init);
    });
  });
  afterEach(() => vi.unstubAllGlobals());

  it("gives whole pages of memories, threads, conflicts and subscribers", async () => {
    const agent = await spawnIn(mayfly);
    const conversationId = randomUUID();
    const tasks = Array.from({ length: 20 }, (_, n) => `task ${n}`);
    const made: string[] = [];
    for (const task of tasks) {
      made.push(dataOf(await agent.remember({ task, conversationId })).id);
    }
    dataOf(await agent.sync());

    const first = dataOf(await agent.memory.list({ limit: 15 }));
    expect(first.memories.map(({ task }) => task)).toEqual(tasks.slice(0, 15));
    const second = dataOf(await agent.memory.list({ limit: 15, after: first.next ?? "" }));
    expect(second.memories.map(({ task }) => task)).toEqual(tasks.slice(15));
    expect(second.next).toBeNull();
    const thread = dataOf(await agent.memory.thread(conversationId, { last: 15 }));
    expect(thread.map(({ task }) => task)).toEqual(tasks.slice(5));

    await local.sql`
      insert into mayfly.memory_conflicts (tenant_id, memory_id, field, base, wanted, hlc, op_id)
      select ${tenant}, m, 'reward', '1', '2', '0', gen_random_uuid() from unnest(${made}::uuid[]) m`;
    const conflicts = dataOf(await mayfly.memory.conflicts.list({ limit: 15 }));
    expect(new Set(conflicts.conflicts.map(({ memoryId }) => memoryId)).size).toBe(15);
    const rest = dataOf(
      await mayfly.memory.conflicts.list({ limit: 15, after: conflicts.next ?? "" }),
    );
    expect([rest.conflicts.length, rest.next]).toEqual([5, null]);

    dataOf(await mayfly.channels.create({ name: "findings" }));
    await local.sql`
      insert into mayfly.channel_subscriptions (tenant_id, channel_id, subscriber_id, acknowledged)
      select c.tenant_id, c.id, gen_random_uuid(), 0
      from mayfly.channels c, generate_series(1, 20) n where c.tenant_id = ${tenant} and c.name = 'findings'`;
    const page = dataOf(await mayfly.channels.subscribers("findings", { limit: 15 }));
    expect([page.subscribers.length, page.next]).toEqual([15, page.subscribers.at(-1)?.id]);
    await agent.stop();
  });

  it("gives a watch of states all states after the log is gone", async () => {
    const keys = Array.from({ length: 20 }, (_, n) => `key-${String(n).padStart(2, "0")}`);
    for (const key of keys) dataOf(await mayfly.state.set(key, key));
    const seen = new Set<string>();
    let all = () => {};
    const whole = new Promise<void>((resolve) => {
      all = resolve;
    });
    const watch = dataOf(
      await mayfly.state.watch(
        "*",
        ({ key }) => {
          if (seen.add(key).size === keys.length) all();
        },
        { pollMs: 100 },
      ),
    );
    await local.sql`update mayfly_private.epochs set timeline = timeline + 1`;
    await whole;
    await watch.stop();
    expect([...seen].sort()).toEqual(keys);
  });
});
