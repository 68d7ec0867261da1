/** An embedded Supabase that a test can kill and start again. The test can also kill only its functions. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { LocalOptions } from "@mayfly/local";
import { openPglite } from "@mayfly/local/internal";
import { silent } from "#harness/log";
import { readTemplate } from "#harness/template";

export interface Serving {
  apiUrl: string;
  dbUrl: string;
  secretKey: string;
  publishableKey: string;
}

export interface Stack {
  readonly serving: Serving;
  /** What the server has printed since its first start. */
  output(): string;
  /** Sends SIGKILL, and resolves when the process has ended. */
  kill(): Promise<void>;
  /** Starts the server again, with the same folder and the same ports. */
  start(): Promise<void>;
  /** Sends SIGKILL to the process of the functions only. If that process is dead, it waits for the next one first. */
  killFunctions(): Promise<void>;
  close(): Promise<void>;
}

export type StackOptions = Partial<Omit<LocalOptions, "log" | "template">>;

/** Makes a data folder as a first start leaves it, in one second instead of ten. */
export async function makeDataFolder(data?: string): Promise<string> {
  const folder = data ?? (await mkdtemp(join(tmpdir(), "mayfly-chaos-")));
  const { database, keys } = await readTemplate();
  await writeFile(join(folder, "keys.json"), JSON.stringify(keys), { mode: 0o600 });
  const passwords = keys.databasePassword;
  const made = await openPglite({
    dataDir: join(folder, "db"),
    template: database,
    passwords,
    log: silent,
  });
  await made.close();
  return folder;
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const data = options.data ?? (await makeDataFolder());
  const given = {
    broadcastLeadMs: 70,
    ...options,
    data,
    port: await freePort(),
    dbPort: await freePort(),
  };
  let child: ChildProcess | undefined;
  let serving: Serving | undefined;
  let text = "";

  const start = async () => {
    const started = spawn(
      process.execPath,
      [join(import.meta.dirname, "server.ts"), JSON.stringify(given)],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    child = started;
    started.stderr.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    serving = await new Promise<Serving>((resolve, reject) => {
      createInterface({ input: started.stdout }).on("line", (line) => resolve(JSON.parse(line)));
      started.once("exit", () =>
        reject(new Error(`The server did not start: ${text.slice(-2_000)}`)),
      );
    });
  };
  const kill = async (signal: NodeJS.Signals = "SIGKILL") => {
    const ending = child;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill(signal);
    await gone;
  };

  await start();
  return {
    get serving() {
      return serving as Serving;
    },
    output: () => text,
    kill: () => kill(),
    start,
    async killFunctions() {
      for (let tries = 0; tries < 100; tries++) {
        for (const pid of await childrenOf(child?.pid)) {
          const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
          if (command.includes("router.ts")) return void process.kill(pid, "SIGKILL");
        }
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error("There is no process of the functions to kill.");
    },
    async close() {
      await kill("SIGTERM");
      await rm(data, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function childrenOf(pid: number | undefined): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, "utf8").catch(() => "")),
  );
  return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
