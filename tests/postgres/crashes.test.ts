import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import { startLocal } from "../../local/src/index.ts";
import { Mayfly } from "../../sdk/src/index.ts";
import { silent } from "../harness/log.ts";
import { databaseUrl } from "../harness/needs.ts";
import { dataOf, spawnIn } from "../sdk/agents.ts";
import { pushThroughCrashes } from "../sdk/crashes.ts";
import { startProxy } from "../sdk/proxy.ts";

describe.skipIf(!databaseUrl)("on a real Postgres 17", () => {
  it("keeps and doubles nothing when every session is ended in the middle of pushes", async () => {
    const name = `mayfly_crash_${randomUUID().replaceAll("-", "")}`;
    const admin = postgres(databaseUrl ?? "", { max: 1, onnotice: () => {} });
    await admin.unsafe(`create database ${name}`);
    const url = new URL(databaseUrl ?? "");
    url.pathname = `/${name}`;
    const sql = postgres(url.href, { max: 1, onnotice: () => {} });
    const local = await startLocal({ dbUrl: url.href, port: 0, log: silent });
    const proxy = await startProxy(local.apiUrl);
    try {
      const project = { url: proxy.url, key: local.secretKey };
      const tenant = dataOf(await new Mayfly(project).tenants.create({ name: "crashes" })).id;
      const agent = await spawnIn(new Mayfly({ ...project, tenant }));
      let ended = 0;
      const pushed = await pushThroughCrashes(agent, {
        rounds: 4,
        crash: async (round) => {
          await proxy.requestOf("/sync");
          // Every other time while the push waits in its transaction, for a lock that this holds.
          await sql.begin(async (session) => {
            if (round % 2 === 0) {
              await session`lock table mayfly.memories in exclusive mode`;
              await untilWaiting(admin, name);
            }
            const [own] = await session`select pg_backend_pid() as pid`;
            const sessions = await admin`select pg_terminate_backend(pid) from pg_stat_activity
              where datname = ${name} and pid <> ${own?.pid}`;
            ended += sessions.length;
          });
        },
      });
      expect(ended).toBeGreaterThan(4);
      const rows = await sql`
        select m.task, m.version, (select count(*)::int from mayfly.events e
          where e.tenant_id = m.tenant_id and e.subject = m.id) as events
        from mayfly.memories m where m.tenant_id = ${tenant} order by m.id`;
      expect(rows.map(({ task }) => task)).toEqual(pushed.tasks);
      expect(rows.every(({ version, events }) => version === 1 && events === 1)).toBe(true);
      expect(dataOf(await agent.recall("memory")).results.length).toBeGreaterThan(0);
      await agent.stop();
    } finally {
      await proxy.close();
      await local.close();
      await sql.end();
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    }
  });
});

/** Resolves when a session waits for a lock. */
async function untilWaiting(admin: postgres.Sql, database: string): Promise<void> {
  for (;;) {
    const waiting = await admin`select from pg_stat_activity
      where datname = ${database} and wait_event_type = 'Lock'`;
    if (waiting.length > 0) return;
  }
}
