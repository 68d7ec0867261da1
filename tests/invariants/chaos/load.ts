/**
 * Agents, each in its own process. Each has a slot, with a folder for the outbox, which the next agent takes
 * over.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Mayfly } from "@mayfly/sdk";
import type { AgentOptions, Said } from "./agent.ts";

/** What the processes of all agents have printed, also before they were killed. */
export interface Account {
  /** By the id of a memory: its agent, and the number that the agent gave it. */
  kept: Map<string, { agent: string; nth: number }>;
  acknowledged: Set<string>;
  /** By agent: its parent, or null. */
  spawned: Map<string, string | null>;
  stopped: Set<string>;
  /** Messages that the server has stored. */
  sent: Set<string>;
  recalls: Record<string, number>;
  failures: Record<string, number>;
}

export interface Load {
  readonly account: Account;
  /** Sends SIGKILL to the process in a slot. A new process takes the slot. */
  killOne(slot: number): Promise<void>;
  /** Sends SIGKILL to the processes in all slots. */
  end(): Promise<void>;
  /**
   * Pushes what the agents left in their outboxes, as the secret key. Returns how many operations were
   * pushed.
   */
  drain(): Promise<number>;
  close(): Promise<void>;
}

export async function startLoad(
  slots: number,
  common: Pick<AgentOptions, "url" | "key" | "tenant" | "seed" | "skewMs" | "listener">,
): Promise<Load> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-outboxes-"));
  const account: Account = {
    kept: new Map(),
    acknowledged: new Set(),
    spawned: new Map(),
    stopped: new Set(),
    sent: new Set(),
    recalls: {},
    failures: {},
  };
  const children: ChildProcess[] = [];
  const folders = Array.from({ length: slots }, (_, slot) => join(folder, String(slot)));
  let lives = 0;
  let problem: Error | undefined;

  const launch = (slot: number) => {
    const options: AgentOptions = {
      ...common,
      seed: common.seed + ++lives,
      storage: folders[slot] as string,
      name: `slot${slot}`,
    };
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, "agent.ts"), JSON.stringify(options)],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    children[slot] = child;
    createInterface({ input: child.stdout }).on("line", (line) => {
      // The last line may be cut off, because the process was killed. A cut line is ignored.
      if (line.endsWith("}")) hear(account, JSON.parse(line) as Said);
    });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.once("exit", (code) => {
      if (code) problem = new Error(`An agent's process ended by itself: ${errors.slice(-2_000)}`);
    });
  };
  const kill = async (child: ChildProcess | undefined) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await gone;
  };

  for (let slot = 0; slot < slots; slot++) launch(slot);
  return {
    account,
    async killOne(slot) {
      await kill(children[slot]);
      launch(slot);
    },
    async end() {
      await Promise.all(children.map(kill));
      if (problem) throw problem;
    },
    async drain() {
      let pushed = 0;
      for (const storage of folders) {
        const { url, key, tenant } = common;
        const mayfly = new Mayfly({ url, key, tenant, storage });
        let drained = await mayfly.outbox.drain();
        // The last failure may have ended a connection. The server notices this only when it uses the connection.
        for (let time = 0; time < 20 && drained.error?.code === "unavailable"; time++) {
          await new Promise((resolve) => setTimeout(resolve, 500));
          drained = await mayfly.outbox.drain();
        }
        const { data, error } = drained;
        if (error) throw error;
        if (data.rejected > 0)
          throw new Error(`${data.rejected} operations were refused for good.`);
        pushed += data.pushed;
      }
      return pushed;
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

function hear(account: Account, said: Said): void {
  const count = (of: Record<string, number>, name: string) => {
    of[name] = (of[name] ?? 0) + 1;
  };
  if (said.said === "kept") account.kept.set(said.memory, { agent: said.agent, nth: said.nth });
  else if (said.said === "acknowledged")
    for (const id of said.memories) account.acknowledged.add(id);
  else if (said.said === "spawned") account.spawned.set(said.agent, said.parent);
  else if (said.said === "stopped") account.stopped.add(said.agent);
  else if (said.said === "sent") account.sent.add(said.message);
  else if (said.said === "recalled") count(account.recalls, said.mode);
  else count(account.failures, `${said.what}: ${said.code}`);
}
