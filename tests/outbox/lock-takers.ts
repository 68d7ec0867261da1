import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as nodeFs from "node:fs/promises";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  type IdentitySource,
  type LockOptions,
  lockFile,
  type ProcessIdentity,
} from "@mayfly/sdk/internal";
import { afterEach, beforeEach, expect } from "vitest";

export let folder: string;
export let path: string;
export const children: ChildProcess[] = [];

export function setUp(): void {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mayfly-lock-"));
    path = join(folder, "a.lock");
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => alive.clear());
}

/** A holder counts as dead if it has not beaten for 0.4 s. A living holder beats forty times in that time. */
export const rhythm = { beatMs: 10, lookMs: 20, looks: 20 };
/** A holder that does not beat at all. */
export const still = { ...rhythm, beatMs: 1_000_000 };

export const alive = new Set<number>();

/** A process of a made-up machine. Processes of one machine see each other, but not those of other machines. */
export function processOf(pid: number, place: "here" | "elsewhere" = "here"): IdentitySource {
  alive.add(pid);
  const namespace = place === "here" ? "pid:[1]" : `pid:[${pid}]`;
  const own: ProcessIdentity = {
    pid: place === "here" ? pid : 1,
    host: "box",
    started: place === "here" ? String(pid) : "7",
    boot: "b",
    namespace,
  };
  return {
    own: () => own,
    stateOf: (other) => {
      if (other.boot !== "b" || other.namespace !== namespace) return "unknown";
      return alive.has(other.pid) ? "runs" : "gone";
    },
  };
}

/** The file system, in which some calls fail or are slow. */
export const withFs = (calls: Partial<typeof nodeFs>) => ({ ...nodeFs, ...calls });
export const noLinks = (code: string) =>
  withFs({ link: () => Promise.reject(Object.assign(new Error(code), { code })) });

export const take = (options: LockOptions = {}) => lockFile(path, { rhythm, ...options });
export const unwatched = { onWatch: () => expect.unreachable("asked, not watched") };
export const left = async () => (await readdir(folder)).sort();

/** Another process that takes the lock, in its own container where it is process 1. */
export async function takeElsewhere(container = false) {
  const script = `
    const { lockFile } = await import(${JSON.stringify(new URL("../../sdk/src/outbox/file-lock.ts", import.meta.url).href)});
    await lockFile(${JSON.stringify(path)}, { rhythm: ${JSON.stringify(rhythm)} }).then(
      () => console.log("holds as " + process.pid), ({ message }) => console.log(message));
    setInterval(() => {}, 1000);`;
  const node = [process.execPath, "--input-type=module", "--eval", script];
  const command = container
    ? ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", ...node]
    : node;
  const child = spawn(command[0] ?? "", command.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const said = (await once(createInterface(child.stdout), "line")) as [string];
  const kill = async () => {
    // The end of the process closes the pipe, even if the process runs in a container.
    const ended = once(child.stdout, "close");
    child.kill("SIGKILL");
    await ended;
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
  return { said: said[0], pid: child.pid ?? 0, kill };
}
