import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Logger } from "../log.ts";
import { CpuTime } from "./cpu-time.ts";
import type { ChildMessage, FunctionSpec, HostMessage } from "./protocol.ts";

const ROUTER = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./router.ts" : "./router.js", import.meta.url),
);

export interface ChildOptions {
  deno: string;
  args: string[];
  env: Record<string, string>;
  functions: FunctionSpec[];
  /** If the process sends no heartbeat for this long, a function is assumed to keep the CPU busy. */
  cpuLimitMs: number;
  /** How much CPU time a single request may use. Any amount by default. */
  requestCpuMs: number | undefined;
  startTimeoutMs: number;
  log: Logger;
  /**
   * Called when the process had an uncaught error and should be replaced. The process still answers its
   * open requests.
   */
  onPoisoned: () => void;
}

/**
 * Why a process ended: it crashed, we stopped it, or we stopped it because it kept the CPU busy.
 */
export type EndReason = "crashed" | "stopped" | "cpu";

/** One Deno process with all functions of the project in it. */
export class FunctionsProcess {
  readonly secret = randomBytes(24).toString("base64url");
  readonly agent = new Agent({ keepAlive: true });
  /** Resolves when requests may be sent. Rejects with one sentence if the process cannot start. */
  readonly ready: Promise<void>;
  readonly exited: Promise<EndReason>;
  readonly startedAt = performance.now();
  port = 0;
  denoVersion = "";
  /** Functions that did not load, with the reason. */
  failed: Record<string, string> = {};

  readonly #child: ChildProcess;
  readonly #guard: ChildProcess | undefined;
  readonly #options: ChildOptions;
  readonly #cpu: CpuTime | undefined;
  #end: EndReason = "crashed";
  #over = false;
  #requests = 0;
  #retired = false;
  #lastWords = "";
  #onReady: () => void = () => {};
  #pongAt = performance.now();
  #timers: NodeJS.Timeout[] = [];

  constructor(options: ChildOptions) {
    this.#options = options;
    this.#child = spawn(options.deno, [...options.args, ROUTER], {
      env: options.env,
      stdio: ["pipe", "pipe", "pipe"],
      // Keeps the process out of the terminal's foreground group, so that only the host gets Ctrl-C
      // and can stop this process cleanly.
      detached: process.platform !== "win32",
      windowsHide: true,
    });
    this.#child.stdin?.on("error", () => {});
    this.#guard = guard(this.#child.pid);
    if (options.requestCpuMs !== undefined && this.#child.pid !== undefined)
      this.#cpu = new CpuTime(this.#child.pid, options.requestCpuMs);
    this.exited = new Promise((resolve) => {
      const ended = () => {
        this.#over = true;
        for (const timer of this.#timers) clearTimeout(timer);
        this.#guard?.stdin?.end("\n");
        this.agent.destroy();
        resolve(this.#end);
      };
      this.#child.once("close", ended);
      this.#child.once("error", (error) => {
        this.#lastWords = error.message;
        ended();
      });
    });
    this.#read();
    this.ready = this.#becomeReady();
    this.#send({ type: "start", secret: this.secret, functions: options.functions });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What Deno itself wrote to stderr about the end of its process. */
  get lastWords(): string {
    return this.#lastWords;
  }

  /** Counts a request until the returned function is called. */
  begin(): () => void {
    this.#requests += 1;
    let open = true;
    const endShare = this.#cpu?.begin(() => this.kill("cpu"));
    return () => {
      if (!open) return;
      open = false;
      endShare?.();
      this.#requests -= 1;
      this.#drainIfIdle();
    };
  }

  /** Ends the process when its requests and background tasks are done, after `ms` at the latest. */
  retire(ms: number): void {
    if (this.#over) return;
    if (!this.#retired) {
      this.#retired = true;
      if (this.#end === "crashed") this.#end = "stopped";
      this.#drainIfIdle();
    }
    this.#timers.push(setTimeout(() => this.kill("stopped"), ms));
  }

  kill(reason: EndReason): void {
    this.#end = reason;
    this.#child.kill("SIGKILL");
  }

  // If the process ended now, a request that is still on its way would meet a closed connection. So
  // the order to drain is sent only after the last answer has ended.
  #drainIfIdle(): void {
    if (this.#retired && this.#requests === 0) this.#send({ type: "drain" });
  }

  #send(message: HostMessage): void {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  async #becomeReady(): Promise<void> {
    const { startTimeoutMs } = this.#options;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.kill("stopped");
    }, startTimeoutMs);
    const listening = new Promise<"ready">((resolve) => {
      this.#onReady = () => resolve("ready");
    });
    const first = await Promise.race([listening, this.exited]);
    clearTimeout(timer);
    if (first === "ready") return this.#watchHeartbeat();
    if (late) throw new Error(`The functions did not load within ${startTimeoutMs / 1000} s.`);
    if (first === "stopped") throw new Error("The functions were stopped while they loaded.");
    throw new Error(
      `Deno could not start the functions: ${this.#lastWords || "it ended without a message"}`,
    );
  }

  #read(): void {
    const { log } = this.#options;
    const prefix = `${this.secret} `;
    if (this.#child.stdout) {
      createInterface({ input: this.#child.stdout }).on("line", (line) => {
        if (line.startsWith(prefix)) {
          this.#handle(JSON.parse(line.slice(prefix.length)) as ChildMessage);
        } else if (line !== "") {
          log.info(`[functions] ${line}`);
        }
      });
    }
    if (this.#child.stderr) {
      createInterface({ input: this.#child.stderr }).on("line", (line) => {
        // Finds the message of Deno or V8 among stack traces and heap statistics.
        const words = /^(?:# )?((?:error|fatal|panic|thread).*)/i.exec(line)?.[1];
        if (words) this.#lastWords = words;
        log.debug(`[functions] ${line}`);
      });
    }
  }

  #handle(message: ChildMessage): void {
    const { log, onPoisoned } = this.#options;
    if (message.type === "pong") {
      this.#pongAt = performance.now();
    } else if (message.type === "ready") {
      this.port = message.port;
      this.denoVersion = message.deno;
      this.failed = message.failed;
      this.#onReady();
    } else {
      const { function: name, requestId } = message;
      const fields = {
        ...(name && { function: name }),
        ...(requestId && { request_id: requestId }),
      };
      const text = `[${name ?? "functions"}] ${message.message}`;
      if (message.type === "log") {
        log[message.level](text, fields);
      } else {
        log.error(`${text}: uncaught, so the functions restart`, fields);
        onPoisoned();
      }
    }
  }

  #watchHeartbeat(): void {
    const { cpuLimitMs } = this.#options;
    const every = Math.max(20, cpuLimitMs / 4);
    this.#pongAt = performance.now();
    let expected = this.#pongAt + every;
    const beat = () => {
      const now = performance.now();
      // If the host itself was too busy to read, the child's silence proves nothing.
      if (now - expected > every) this.#pongAt = now;
      expected = now + every;
      if (now - this.#pongAt > cpuLimitMs) {
        this.kill("cpu");
        return;
      }
      this.#send({ type: "ping" });
    };
    this.#timers.push(setInterval(() => setImmediate(beat), every));
  }
}

/**
 * When the host is killed, the router's stdin ends, and so the router exits. In a busy loop, the
 * router does not notice the end. So a shell waits on a pipe of the host, and kills the router when
 * that pipe ends.
 */
function guard(pid: number | undefined): ChildProcess | undefined {
  if (pid === undefined || process.platform === "win32") return undefined;
  const shell = spawn("/bin/sh", ["-c", 'read -r _ || kill -9 "$0"', String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  shell.on("error", () => {});
  shell.stdin?.on("error", () => {});
  return shell;
}
