import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { silent } from "#harness/log";
import { readTemplate } from "#harness/template";
import { openPglite } from "../../local/src/db/index.ts";
import { findRunning, type Running } from "../../local/src/index.ts";

export const root = join(import.meta.dirname, "../..");
const cli = join(root, "local/cli.js");

let folder: string;
/**
 * Makes a data folder as a first start leaves it. To copy one takes half a second, and a first start takes
 * ten.
 */
let made: string;
export let data: string;
const children = new Set<ChildProcess>();

export function setUp(): void {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "mayfly-"));
    made = join(folder, "made");
    const { database, keys } = await readTemplate();
    const db = await openPglite({
      dataDir: join(made, "db"),
      template: database,
      passwords: keys.databasePassword,
      log: silent,
    });
    await db.close();
    await writeFile(join(made, "keys.json"), JSON.stringify(keys), { mode: 0o600 });
  });
  beforeEach(async () => {
    data = await mkdtemp(join(folder, "data-"));
  });
  afterEach(() => {
    for (const child of children) child.kill("SIGKILL");
    children.clear();
  });
  afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
}

interface Started {
  child: ChildProcess;
  /** Its whole output. */
  output: () => string;
  ended: Promise<number | null>;
}

export function run(...words: string[]): Started {
  // Like vitest.config.ts: processes that live for seconds are not worth optimizing.
  const child = spawn(process.execPath, ["--liftoff-only", cli, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, output: () => text, ended };
}

/** Resolves when the process has printed the text. */
export function printed(started: Started, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (started.output().includes(text)) resolve();
    };
    for (const stream of [started.child.stdout, started.child.stderr]) stream?.on("data", look);
    void started.ended.then(() => reject(new Error(started.output())));
    look();
  });
}

export async function start(...words: string[]): Promise<Started & { running: Running }> {
  if (!(await readdir(data)).includes("db")) await cp(made, data, { recursive: true });
  const started = run("start", "--data", data, ...words);
  await printed(started, words.includes("--json") ? '"Serving"' : "SECRET_KEY");
  const running = await findRunning(data);
  if (!running) throw new Error("It serves and is not found.");
  return { ...started, running };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function signal(started: Started, name: NodeJS.Signals): Promise<number | null> {
  started.child.kill(name);
  return started.ended;
}
