/**
 * The same work on Mayfly and on a peer, the federation hub of agentic-flow 1.10.2 as it comes from npm:
 * pushes of 100 rows, and pulls of 100 out of 1,000 and 10,000 rows. Mayfly is called over HTTP. It has
 * row-level security, a log and quotas, and runs on PGlite and on Postgres. The peer is called over its
 * WebSocket. It stores rows in SQLite in the memory of its process, does not check tokens, and has no cursor.
 * The benchmark installs the peer into node_modules/.cache, which takes minutes the first time.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/peer.ts [--quick]
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { access, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startLocal } from "@mayfly/local";
import { Mayfly } from "@mayfly/sdk";
import { callFunction } from "@mayfly/sdk/internal";
import { WebSocket } from "ws";
import { z } from "zod";
import { makeTenant } from "#harness/callers";
import { openPostgresDatabase } from "#harness/database";
import { startTestLocal } from "#harness/local";
import { silent } from "#harness/log";
import { putOf } from "#harness/operations";
import { makeTemplate } from "#harness/template";
import { compare } from "./lib/measure.ts";
import { reportComparison } from "./lib/report.ts";
import { quick, rounds, unlimited } from "./lib/target.ts";

const peer = "agentic-flow@1.10.2";
const folder = join(import.meta.dirname, "../../node_modules/.cache/mayfly-peer");
const port = 18_443;
const batch = 100;

/**
 * The PATH without the project's node_modules, so that npm builds the peer's SQLite for the Node that runs
 * the peer.
 */
const path = (process.env.PATH ?? "")
  .split(":")
  .filter((part) => !part.includes("node_modules"))
  .join(":");

async function install(): Promise<void> {
  const built = join(folder, "node_modules/better-sqlite3/build/Release/better_sqlite3.node");
  if (
    await access(built).then(
      () => true,
      () => false,
    )
  )
    return;
  console.log(`Installing ${peer}, which takes some minutes.`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), "{}");
  const npm = (...words: string[]) =>
    promisify(execFile)("npm", words, { cwd: folder, env: { ...process.env, PATH: path } });
  await npm("install", peer, "--ignore-scripts", "--no-audit", "--no-fund");
  await npm("rebuild", "better-sqlite3");
}

/** Starts the peer with its database in the file `dbPath`, or in memory by default. */
function startPeer(dbPath = ":memory:"): ChildProcess {
  const hub = `import("${folder}/node_modules/agentic-flow/dist/federation/FederationHubServer.js")
    .then(({ FederationHubServer }) => new FederationHubServer({ port: ${port}, dbPath: ${JSON.stringify(dbPath)} }).start())
    .then(() => console.log("HUB READY"));`;
  return spawn("node", ["-e", hub], {
    cwd: folder,
    env: { ...process.env, PATH: path, LOG_LEVEL: "error" },
  });
}

/** A client of the hub: sends a message, and waits for its answer. */
async function connectPeer(): Promise<{
  ask: (message: object) => Promise<string>;
  close: () => void;
}> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  let answered: (answer: string) => void = () => {};
  socket.on("message", (data) => answered(String(data)));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const ask = (message: object) =>
    new Promise<string>((resolve) => {
      answered = resolve;
      socket.send(JSON.stringify(message));
    });
  await ask({ type: "auth", agentId: "a", tenantId: "t", token: "x" });
  return { ask, close: () => socket.close() };
}

let pushed = 0;
const text = "Import it, wait until every cache has it, then rotate to it. ".repeat(5);
const episode = () => ({ task: `Rotate key ${pushed++}`, input: text, output: text, reward: 0.5 });

async function against(on: string, mayfly: Mayfly, disk?: string): Promise<void> {
  const child = startPeer(disk);
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", (data) => String(data).includes("HUB READY") && resolve());
    child.once("exit", (code) => reject(new Error(`The peer's hub ended with ${code}.`)));
  });
  const hub = await connectPeer();
  const { data: agent, error } = await mayfly.spawn({ lifetime: 900 });
  if (error) throw error;
  const push = async () => {
    const ops = Array.from({ length: batch }, () => putOf(episode()));
    const { error } = await callFunction(agent.client, "sync", z.unknown(), {
      push: ops,
      limit: 0,
    });
    if (error) throw error;
  };
  const pushPeer = () =>
    hub.ask({
      type: "push",
      vectorClock: { a: pushed },
      data: Array.from({ length: batch }, () => ({ ...episode(), success: true })),
    });
  const pull = async () => {
    const { error } = await callFunction(agent.client, "sync", z.unknown(), {
      since: null,
      limit: batch,
    });
    if (error) throw error;
  };
  const pullPeer = () => hub.ask({ type: "pull", vectorClock: {} });
  const row = { bench: "peer", on, against: disk ? `${peer} on disk` : peer };
  reportComparison({ ...row, name: `push ${batch}` }, await compare(rounds(20), push, pushPeer));
  // Pulls are measured only with the database in memory: on disk, the peer would read the same cached pages.
  let rows = (rounds(20) + 1) * batch;
  for (const size of disk ? [] : quick ? [1_000] : [1_000, 10_000]) {
    for (; rows < size; rows += batch) {
      await push();
      await pushPeer();
    }
    reportComparison(
      { ...row, name: `pull ${batch}`, size },
      await compare(rounds(40), pull, pullPeer),
    );
  }
  hub.close();
  child.kill();
  await agent.stop();
}

await install();
await makeTemplate();
const local = await startTestLocal({ embedded: true });
const { mayfly } = await local.enter(unlimited);
await against("pglite", mayfly);
await mayfly.close();
await local.close();
if (process.env.DATABASE_URL) {
  const db = await openPostgresDatabase({ durable: true });
  const tenant = await makeTenant(db.sql, unlimited);
  const stack = await startLocal({ dbUrl: db.url, port: 0, dbPort: 0, log: silent });
  const onPostgres = new Mayfly({ url: stack.apiUrl, key: stack.secretKey, tenant });
  await against("postgres", onPostgres);
  // Once more with the peer's database in a file, where its writes survive a crash as ours do.
  const onDisk = await mkdtemp(join(tmpdir(), "mayfly-peer-"));
  await against("postgres", onPostgres, join(onDisk, "hub.db"));
  await rm(onDisk, { recursive: true });
  await onPostgres.close();
  await stack.close();
  await db.close();
}
