/** The embedded Data API on a Postgres that ends its connections. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Mayfly } from "@mayfly/sdk";
import { expect, it } from "vitest";
import { makeTenant } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { startTestLocal } from "#harness/local";
import { databaseUrl } from "#harness/needs";

it.skipIf(!databaseUrl)(
  "every request is answered, even those that wait for a connection while others end",
  async () => {
    const db = await openPostgresDatabase();
    const local = await startTestLocal({ dbUrl: db.url });
    const tenant = await makeTenant(db.sql);
    const mayfly = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant });
    const codes: (string | undefined)[] = [];
    for (let blow = 0; blow < 8; blow++) {
      const adds = Array.from({ length: 5 }, () => mayfly.jobs.add("build"));
      await db.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`.catch(() => {});
      for (const { error } of await Promise.all(adds)) codes.push(error?.code);
    }
    expect(codes.every((code) => code === undefined || code === "unavailable")).toBe(true);
    expect((await mayfly.jobs.add("build")).error).toBeNull();
    await mayfly.close();
    await local.close();
    await db.close();
  },
);

/** The error that Postgres sends to a new connection while the server is still starting. */
const starting = Buffer.concat([
  Buffer.from("E"),
  Buffer.from([0, 0, 0, 62]),
  Buffer.from("SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"),
]);
starting.writeInt32BE(starting.length - 1, 1);

it.skipIf(!databaseUrl)(
  "a database that restarts is unavailable, and serves again afterwards",
  async () => {
    const db = await openPostgresDatabase();
    const to = new URL(db.url);
    let isStarting = false;
    const open = new Set<Socket>();
    const way = createServer((client) => {
      open.add(client);
      client.on("error", () => {}).on("close", () => open.delete(client));
      if (isStarting) return void client.once("data", () => client.end(starting));
      const upstream = connect(Number(to.port || 5432), to.hostname);
      upstream.on("error", () => client.destroy()).on("close", () => client.destroy());
      client.on("close", () => upstream.destroy());
      client.pipe(upstream).pipe(client);
    });
    await new Promise<void>((resolve) => way.listen(0, "127.0.0.1", resolve));
    const dbUrl = new URL(db.url);
    dbUrl.host = `127.0.0.1:${(way.address() as AddressInfo).port}`;
    const local = await startTestLocal({ dbUrl: dbUrl.href });
    const tenant = await makeTenant(db.sql);
    const mayfly = new Mayfly({ url: local.apiUrl, key: local.secretKey, tenant });
    expect((await mayfly.jobs.add("build")).error).toBeNull();

    isStarting = true;
    for (const socket of open) socket.destroy();
    const statuses = new Set<number>();
    for (let time = 0; time < 5; time++) {
      const headers = { apikey: local.secretKey, "accept-profile": "mayfly" };
      statuses.add((await fetch(`${local.apiUrl}/rest/v1/jobs?limit=1`, { headers })).status);
    }
    expect([...statuses]).toEqual([503]);
    expect((await mayfly.jobs.add("build")).error?.code).toBe("unavailable");
    isStarting = false;
    await expect.poll(async () => (await mayfly.jobs.add("build")).error?.code ?? null).toBe(null);
    await mayfly.close();
    await local.close();
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => way.close(resolve));
    await db.close();
  },
);
