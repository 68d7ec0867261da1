import { nodeModule } from "../link/builtin.ts";

/** Distinguishes a process from every other one, including later ones with the same pid. */
export interface ProcessIdentity {
  pid: number;
  host: string;
  /**
   * When the process started, in its kernel's units. Pids are reused, but never with the same start.
   */
  started: string;
  /** Identifies this boot of the kernel. Empty if it is not known. */
  boot: string;
  /**
   * The namespace in which the pid and the start are counted, because each container has a process
   * 1. Empty if it is not known.
   */
  namespace: string;
}

/** Identifies this process, and says whether another one is still running. */
export interface IdentitySource {
  own(): ProcessIdentity;
  /** `unknown` if the process is in another namespace, or if the system does not say. */
  stateOf(process: ProcessIdentity): "runs" | "gone" | "unknown";
}

/** What the system knows about a process. */
interface Seen {
  pid: number;
  dead: boolean;
  started: string;
}

/**
 * The states of a killed process that still has its pid, because its parent has not yet collected
 * it.
 */
const deadStates = ["Z", "X"];

/** Reads /proc/<pid>/stat: see proc(5). The name of a process in it may contain spaces and parentheses. */
function seeInProc(pid: number | "self"): Seen | null {
  const { readFileSync } = nodeModule<typeof import("node:fs")>("node:fs");
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state = "", started = ""] = [fields[0], fields[19]];
    return { pid: Number.parseInt(text, 10), dead: deadStates.includes(state), started };
  } catch {
    return null;
  }
}

/** A line of a command's output. Empty if the command cannot be run. */
function lineOf(command: string, args: string[]): string {
  try {
    const { execFileSync } = nodeModule<typeof import("node:child_process")>("node:child_process");
    const env = { LC_ALL: "C", TZ: "UTC" };
    const stdio: ["ignore", "pipe", "ignore"] = ["ignore", "pipe", "ignore"];
    return execFileSync(command, args, { encoding: "utf8", env, stdio, timeout: 2_000 }).trim();
  } catch {
    return "";
  }
}

/** Reads the line of `ps` for a process, such as `Ss   Sat Nov 28 19:14:35 2026`. */
function seeByPs(pid: number): Seen | null {
  const line = lineOf("/bin/ps", ["-o", "stat=,lstart=", "-p", String(pid)]);
  const [, state = "", started = ""] = /^(\S+)\s+(.+)$/.exec(line) ?? [];
  return started ? { pid, dead: deadStates.includes(state.slice(0, 1)), started } : null;
}

/**
 * Finds the boot and the namespace. Both are empty if they are not known, or if pids here may belong to
 * other processes.
 */
function placeOf(platform: string): Pick<ProcessIdentity, "boot" | "namespace"> {
  if (platform === "darwin") {
    const boot = lineOf("/usr/sbin/sysctl", ["-n", "kern.bootsessionuuid"]);
    return { boot, namespace: boot && "darwin" };
  }
  const unknown = { boot: "", namespace: "" };
  if (platform !== "linux") return unknown;
  const { readFileSync, readlinkSync } = nodeModule<typeof import("node:fs")>("node:fs");
  // A /proc that was mounted in another namespace shows other processes.
  if (seeInProc("self")?.pid !== process.pid) return unknown;
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const pids = readlinkSync("/proc/self/ns/pid");
    return { boot, namespace: `${pids} ${timesOf(readlinkSync)}` };
  } catch {
    return unknown;
  }
}

/** Starts are counted in the time namespace, which kernels before 5.6 do not have. */
function timesOf(readlink: (path: string) => string): string {
  try {
    return readlink("/proc/self/ns/time");
  } catch {
    return "";
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH";
  }
}

/** This system's implementation. */
export function systemIdentity(): IdentitySource {
  const { hostname } = nodeModule<typeof import("node:os")>("node:os");
  const { platform } = process;
  const see = platform === "linux" ? seeInProc : seeByPs;
  const place = placeOf(platform);
  return {
    own: () => ({
      pid: process.pid,
      host: hostname(),
      started: (place.boot && see(process.pid)?.started) || "",
      ...place,
    }),
    stateOf({ pid, started, boot, namespace }) {
      const here = boot !== "" && boot === place.boot && namespace === place.namespace;
      if (!here || started === "") return "unknown";
      if (!exists(pid)) return "gone";
      const seen = see(pid);
      // The process is hidden from this user, or has just ended.
      if (!seen) return "unknown";
      return !seen.dead && seen.started === started ? "runs" : "gone";
    },
  };
}
