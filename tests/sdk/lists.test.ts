/** Lists that are longer than the thousand rows that the Data API gives at once. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Mayfly } from "../../sdk/src/index.ts";
import { runCli } from "../cli/run.ts";
import { startTestLocal, type TestLocal } from "../harness/local.ts";
import { dataOf } from "./agents.ts";

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
  it("enrolment keys has them all, and the newest can be revoked", async () => {
    // Many of one instant: a page may end among them.
    await local.sql`
      insert into mayfly.enrolment_keys (tenant_id, name, scopes, created_at, expires_at)
      select t.id, 'key ' || n, '{memory:read}', now() + (n / 700) * interval '1 second', now() + interval '1 day'
      from generate_series(1, ${many}::integer) n, unnest(${[tenant, other]}::uuid[]) t (id)`;
    const made = dataOf(await mayfly.enrolmentKeys.create({ name: "newest" }));
    await local.sql`update mayfly.enrolment_keys set created_at = now() + interval '1 hour' where id = ${made.enrolmentKey.id}`;
    const keys = dataOf(await mayfly.enrolmentKeys.list());
    expect(keys).toHaveLength(many + 1);
    expect(new Set(keys.map(({ name }) => name)).size).toBe(many + 1);
    const newest = keys.at(-1);
    expect(newest?.name).toBe("newest");
    dataOf(await mayfly.enrolmentKeys.revoke(newest?.id ?? ""));
    expect(dataOf(await mayfly.enrolmentKeys.list()).at(-1)?.revokedAt).toBeInstanceOf(Date);
  });

  it("channels has them all, and none of another tenant's", async () => {
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

  it("subscribers of a channel is paged to its end", async () => {
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

  it("versions of types of agents has them all, the newest first", async () => {
    await local.sql`
      insert into mayfly.agent_types (tenant_id, name, version)
      select t.id, case when n <= 1500 then 'reader' else 'writer' end, n
      from generate_series(1, ${many}::integer) n, unnest(${[tenant, other]}::uuid[]) t (id)`;
    const types = dataOf(await mayfly.agentTypes.list());
    expect(types.map(({ version }) => version)).toEqual([
      ...numbers.slice(0, 1500).reverse(),
      ...numbers.slice(1500).reverse(),
    ]);
    expect(dataOf(await mayfly.agentTypes.list({ name: "reader" }))).toHaveLength(1500);
  });

  it("members has them all", async () => {
    await local.sql`
      with people as (
        insert into auth.users (id, email)
        select gen_random_uuid(), 'p' || n || '@' || ${tenant}::text || '.example' from generate_series(1, ${many}::integer) n
        returning id)
      insert into mayfly.members (tenant_id, user_id, role) select ${tenant}, id, 'member' from people`;
    expect(dataOf(await mayfly.members.list())).toHaveLength(many);
  });

  it("tenants has them all, in the SDK and on the command line", async () => {
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
