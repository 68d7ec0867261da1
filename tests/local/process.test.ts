import { spawnSync } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { Mayfly } from "@mayfly/sdk";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import { silent } from "#harness/log";
import { readTemplate } from "#harness/template";
import { openPglite } from "../../local/src/db/index.ts";
import { findRunning, type Running } from "../../local/src/index.ts";
import { takeOver } from "./db/harness.ts";
import { data, freePort, printed, root, run, setUp, signal, start } from "./started.ts";

setUp();

describe("the embedded Supabase as a process", () => {
  it("keeps what was acknowledged when it is killed during pushes, opens again, and stops cleanly", async () => {
    const first = await start();
    const { apiUrl: url, secretKey: key } = first.running;
    const { data: tenant } = await new Mayfly({ url, key }).tenants.create({ name: "t" });
    const mayfly = new Mayfly({ url, key, tenant: tenant?.id ?? "" });
    const { data: agent } = await mayfly.spawn({ name: "pusher", lifetime: 300 });
    const acknowledged: string[] = [];
    let pushes = 0;
    let killed: Promise<unknown> | undefined;
    while (!killed || acknowledged.length === 0) {
      const remembered = await agent?.remember({ task: `memory ${pushes++}` });
      const syncing = agent?.sync();
      // Kills the process in the middle of a push, when some pushes are finished.
      if (pushes === 15) killed = signal(first, "SIGKILL");
      const synced = await syncing;
      if (synced?.error) break;
      if (remembered?.data) acknowledged.push(remembered.data.id);
    }
    await killed;
    await agent?.close();
    expect(acknowledged.length).toBeGreaterThan(5);
    expect(await findRunning(data)).toBeNull();

    const second = await start();
    const again = new Mayfly({ url: second.running.apiUrl, key, tenant: tenant?.id ?? "" });
    const { data: rows } = await again.client.from("memories").select("id").in("id", acknowledged);
    expect(rows?.map((row) => row.id).sort()).toEqual(acknowledged.sort());

    // Ctrl-C, and then nothing says that it is running.
    expect(await signal(second, "SIGINT")).toBe(0);
    expect(second.output()).toContain("Stopped");
    expect(await readdir(data)).not.toContain("running.json");
    const status = run("status", "--data", data);
    expect(await status.ended).toBe(1);
    expect(status.output()).toContain("npm start");
  });

  it("prints its status as JSON, keeps its keys private, and continues if nobody reads its output", async () => {
    const started = await start();
    const status = run("status", "--data", data);
    expect(await status.ended).toBe(0);
    expect(JSON.parse(status.output())).toMatchObject({
      API_URL: started.running.apiUrl,
      DB_URL: started.running.dbUrl,
      PUBLISHABLE_KEY: expect.stringMatching(/^sb_publishable_/),
      SECRET_KEY: expect.stringMatching(/^sb_secret_/),
      JWKS_URL: `${started.running.apiUrl}/auth/v1/.well-known/jwks.json`,
    });
    const at = new URL(JSON.parse(status.output()).API_URL).port;
    const env = run("status", "--data", data, "--port", at, "-o", "env");
    expect(await env.ended).toBe(0);
    expect(env.output()).toMatch(/^API_URL="http:.*"$/m);
    expect(env.output()).toMatch(/^JWT_SECRET=".{32,}"$/m);
    expect(env.output()).toMatch(/^ANON_KEY="ey.*"\nSERVICE_ROLE_KEY="ey.*"$/m);
    const names = [...env.output().matchAll(/^(\w+)=".+"$/gm)].map(([, name]) => name);
    expect(names).toHaveLength(env.output().trim().split("\n").length);
    // JWKS_URL is Mayfly's own. The others are those of `supabase status -o env` in its version 3.1.0.
    const ofSupabase = ["API_URL", "DB_URL", "STUDIO_URL", "PUBLISHABLE_KEY", "SECRET_KEY"];
    const withSecrets = [...ofSupabase, "ANON_KEY", "SERVICE_ROLE_KEY", "JWT_SECRET"];
    expect(names.sort()).toEqual([...withSecrets, "JWKS_URL"].sort());
    const script = ["run", "-s", "status", "--", "--port", at, "--data", data];
    const npm = spawnSync("npm", [...script, "-o", "env"], { cwd: root, encoding: "utf8" });
    expect(npm.stdout + npm.stderr).toBe(env.output());
    const asJson = spawnSync("npm", script, { cwd: root, encoding: "utf8" });
    expect(JSON.parse(asJson.stdout)).toEqual(JSON.parse(status.output()));
    const elsewhere = run("status", "--data", data, "--port", "1");
    expect(await elsewhere.ended).toBe(1);
    expect(elsewhere.output()).toContain("not at port 1.");

    const second = run("start", "--data", data);
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain("is already running at");
    expect(second.output()).not.toContain("    at ");

    for (const file of ["keys.json", "running.json"])
      expect((await stat(join(data, file))).mode & 0o077, file).toBe(0);
    expect(JSON.parse(await readFile(join(data, "keys.json"), "utf8"))).toHaveProperty("secretKey");

    started.child.stdout?.destroy();
    started.child.stderr?.destroy();
    const { apiUrl, publishableKey } = started.running;
    const signUp = await fetch(`${apiUrl}/auth/v1/otp`, {
      method: "POST",
      headers: { apikey: publishableKey, "content-type": "application/json" },
      body: JSON.stringify({ email: "someone@example.com" }),
    });
    expect(signUp.status).toBe(200);
    expect((await fetch(`${apiUrl}/health`)).status).toBe(200);
    expect(await signal(started, "SIGTERM")).toBe(0);
  });

  it("says in one sentence that a port is in use or invalid", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const taken = run("start", "--data", data, "--port", String(port));
    expect(await taken.ended).toBe(1);
    expect(taken.output().trim()).toBe(
      `Port ${port} is in use. Stop what listens there, or choose another with --port.`,
    );
    server.close();
    const nonsense = run("start", "--data", data, "--port", "eighty");
    expect(await nonsense.ended).toBe(2);
    expect(nonsense.output()).toContain("integer from 1 to 65535");
  });

  it("names each port that has moved: only that of Postgres, or both", async () => {
    // On a machine where these are in use, they have moved as well.
    const held: Server[] = [];
    const hold = async (port: number) => {
      const server = createServer();
      held.push(server);
      await new Promise<void>((resolve) => {
        server.once("error", () => resolve());
        server.listen(port, "127.0.0.1", resolve);
      });
    };
    const portsOf = ({ running }: { running: Running }) =>
      [running.apiUrl, running.dbUrl].map((url) => Number(new URL(url).port));
    try {
      await hold(54322);
      const one = await start("--port", String(await freePort()));
      await printed(one, "Use --db-port to choose another.");
      const [, db] = portsOf(one);
      expect(db).toBeGreaterThan(54322);
      expect(one.output()).toContain(`Postgres uses port ${db}, because 54322 is in use.`);
      expect(one.output()).not.toContain("HTTP uses port");
      expect(await signal(one, "SIGINT")).toBe(0);

      await hold(54321);
      const both = await start();
      await printed(both, "Use --db-port to choose another.");
      const [http, beside] = portsOf(both);
      expect(http).toBeGreaterThan(54322);
      expect(both.output()).toContain(`HTTP uses port ${http}, because 54321 is in use.`);
      expect(both.output()).toContain(`Postgres uses port ${beside}, next to HTTP's.`);
      expect(await signal(both, "SIGINT")).toBe(0);
    } finally {
      for (const server of held) server.close();
    }
  });

  it("keeps serving during a statement that runs for minutes, and ends at once on Ctrl-C", async () => {
    const started = await start();
    const { apiUrl, dbUrl, publishableKey } = started.running;
    const socket = new WebSocket(
      `${apiUrl.replace("http", "ws")}/realtime/v1/websocket?apikey=${publishableKey}&vsn=2.0.0`,
    );
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
    const sql = postgres(dbUrl, { max: 1, onnotice: () => {} });
    await sql`select 1`;
    const cutOff = sql`select pg_sleep(300)`.catch((error: Error) => error);
    // This statement still runs, so the statement after it is not answered.
    const behind = postgres(dbUrl, { max: 1, connect_timeout: 1 });
    const refused = await behind`select 1`.catch((error: Error) => error.message);
    expect(refused).toMatch(/CONNECT_TIMEOUT/);

    const beat = new Promise<string>((resolve) =>
      socket.addEventListener("message", ({ data }) => resolve(String(data)), { once: true }),
    );
    socket.send(JSON.stringify([null, "1", "phoenix", "heartbeat", {}]));
    expect(JSON.parse(await beat)).toEqual([
      null,
      "1",
      "phoenix",
      "phx_reply",
      { status: "ok", response: {} },
    ]);
    expect((await fetch(`${apiUrl}/health`)).status).toBe(200);

    const before = performance.now();
    expect(await signal(started, "SIGINT")).toBe(0);
    // The statement that is cut off would take longer than this limit. An idle machine takes under 3 s.
    expect(performance.now() - before).toBeLessThan(30_000);
    expect(await cutOff).toBeInstanceOf(Error);
    await Promise.all([sql.end({ timeout: 0 }), behind.end({ timeout: 0 })]);
    const { keys } = await readTemplate();
    const passwords = keys.databasePassword;
    const again = await openPglite({ dataDir: join(data, "db"), passwords, log: silent });
    await again.close();
  });

  it("ends at once on Ctrl-C during the start, even a second time", async () => {
    for (let time = 0; time < 2; time++) {
      const starting = run("start", "--data", data);
      await printed(starting, "Creating the database");
      const before = performance.now();
      expect(await signal(starting, "SIGINT")).toBe(0);
      expect(performance.now() - before).toBeLessThan(30_000);
      expect(starting.output()).toContain("Stopped");
      expect(await readdir(data)).not.toContain("running.json");
    }
  });

  it("ends with a sentence when its database ends, and with --json logs only JSON", async () => {
    const started = await start("--json", "--verbose");
    takeOver(join(data, "db"));
    expect(await started.ended).toBe(1);
    const lines = started.output().trim().split("\n");
    const messages = lines.map((line) => (JSON.parse(line) as { message: string }).message);
    expect(messages).toContain("Serving");
    expect(messages.join("\n")).toMatch(/stopped, because its database stopped.*Start again/);
    const { keys } = await readTemplate();
    for (const secret of [keys.secretKey, keys.publishableKey, keys.databasePassword])
      expect(started.output()).not.toContain(secret);
    const second = run("start", "--data", join(data, "keys.json"), "--json");
    expect(await second.ended).toBe(1);
    expect(JSON.parse(second.output())).toMatchObject({ level: "error" });
  });
});
