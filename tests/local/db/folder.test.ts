import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, expect, test } from "vitest";
import { canUnshare } from "#harness/needs";
import { int32, query } from "../../../local/src/db/protocol.ts";
import { connect, failure, open, PASSWORD, quiet, takeOver } from "./harness.ts";
import { Wire } from "./wire.ts";

const root = mkdtempSync(join(tmpdir(), "mayfly-db-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("a folder belongs to one process, and the refusal names its pid", async () => {
  const dataDir = join(root, "twice");
  const both = await Promise.allSettled([open({ dataDir }), open({ dataDir })]);
  const won = both.filter((one) => one.status === "fulfilled");
  const lost = both.filter((one) => one.status === "rejected");
  expect(won).toHaveLength(1);
  expect(String(lost[0]?.reason)).toContain(`in use by the process with pid ${process.pid}`);
  await won[0]?.value.close();
});

test("a folder that another process has taken over is no longer written", async () => {
  const dataDir = join(root, "taken");
  let told: (error: Error) => void = () => undefined;
  const ended = new Promise<Error>((resolve) => {
    told = resolve;
  });
  const database = await open({ dataDir, onCrash: told });
  const { port } = database;
  takeOver(dataDir);
  const lock = join(dataDir, "mayfly.lock");
  const other = readFileSync(lock, "utf8");
  expect((await ended).message).toContain("was taken over by another process");
  const [refused] = await once(dial(port, "127.0.0.1"), "error");
  expect(refused).toMatchObject({ code: "ECONNREFUSED" });
  await database.close();
  expect(readFileSync(lock, "utf8")).toBe(other);
});

test.runIf(canUnshare)(
  "a folder belongs to only one of two stacks that are both process 1",
  async () => {
    const dataDir = join(root, "containers");
    const script = join(import.meta.dirname, "insert-until-killed.ts");
    const startContained = () => {
      const command = ["--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", process.execPath];
      const child = spawn("unshare", [...command, script, dataDir], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      let said = "";
      child.stderr.on("data", (chunk) => {
        said += chunk;
      });
      const gone = once(child.stdout, "close");
      return { child, gone, lines: createInterface({ input: child.stdout }), said: () => said };
    };
    const one = startContained();
    await once(one.lines, "line");
    const two = startContained();
    await two.gone;
    expect(two.said()).toContain("is in use by the process with pid 1 on");
    // Meanwhile the first process has continued, and all its data are still there.
    const [acknowledged] = (await once(one.lines, "line")) as [string];
    one.child.kill("SIGKILL");
    await one.gone;
    const database = await open({ dataDir });
    const sql = connect(database, "supabase_admin");
    const [row] = await sql`select count(*)::int as n from public.kept`;
    expect(row?.n).toBeGreaterThanOrEqual(Number(acknowledged));
    await sql.end();
    await database.close();
  },
);

test("a folder of another major version is refused in one sentence", async () => {
  const dataDir = join(root, "old");
  mkdirSync(join(dataDir, "pgdata"), { recursive: true });
  writeFileSync(join(dataDir, "pgdata", "PG_VERSION"), "16\n");
  expect((await failure(open({ dataDir }))).message).toMatch(/was made by Postgres 16/);
});

test("half a cluster, left by a killed start, is created again", async () => {
  const dataDir = join(root, "half");
  mkdirSync(join(dataDir, "pgdata", "global"), { recursive: true });
  writeFileSync(join(dataDir, "pgdata.unfinished"), "");
  const database = await open({ dataDir });
  await database.close();
  expect(existsSync(join(dataDir, "pgdata.unfinished"))).toBe(false);
  writeFileSync(join(dataDir, "pgdata", "global", "pg_control"), "nonsense");
  expect((await failure(open({ dataDir }))).message).toMatch(
    /is damaged and cannot be opened \(.+\)/,
  );
  rmSync(join(dataDir, "pgdata", "PG_VERSION"));
  expect((await failure(open({ dataDir }))).message).toMatch(
    /is damaged .* \(it has no PG_VERSION\)/,
  );
});

test("concurrent starts choose different ports", async () => {
  const port = { from: 54800, step: 1 };
  const all = await Promise.all([open({ port }), open({ port })]);
  expect(all[0]?.port).not.toBe(all[1]?.port);
  await Promise.all(all.map((database) => database.close()));
});

test("SIGKILL while inserting loses nothing that was acknowledged", async () => {
  const dataDir = join(root, "killed");
  const script = join(import.meta.dirname, "insert-until-killed.ts");
  const child = spawn(process.execPath, [script, dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let acknowledged = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line);
    if (acknowledged === 300) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(acknowledged).toBeGreaterThanOrEqual(300);
  const database = await open({ dataDir });
  const sql = connect(database, "supabase_admin");
  const [row] = await sql`select count(*)::int as n, max(id) as last from public.kept`;
  expect(row?.last).toBe(row?.n);
  expect(row?.n).toBeGreaterThanOrEqual(acknowledged);
  await sql.end();
  await database.close();
  expect(() => readFileSync(join(dataDir, "mayfly.lock"))).toThrow("ENOENT");
});

test("closing interrupts a running statement", async () => {
  let sawIt: () => void = () => undefined;
  const running = new Promise<void>((resolve) => {
    sawIt = resolve;
  });
  const database = await open({ log: { ...quiet, debug: () => sawIt() } });
  const wire = await Wire.open(database.port, PASSWORD);
  wire.send(query("select pg_sleep(60)"));
  // A running statement cannot be cancelled. The line in the log about it shows that the statement is under way.
  const cancel = dial(database.port, "127.0.0.1");
  cancel.end(Buffer.concat([int32(16), int32(80877102), int32(wire.pid), int32(wire.secret)]));
  await running;
  const started = performance.now();
  await database.close();
  expect(performance.now() - started).toBeLessThan(30_000);
  expect(await wire.until("E")).toEqual(["E57P01"]);
});
