import { Worker } from "node:worker_threads";
import type { Booted, Reply, Request, WorkerOptions } from "./worker-types.ts";

/** With this, the calling thread uses the database worker. The worker accepts one request at a time. */
export class Backend {
  readonly #worker: Worker;
  readonly #onCrash: (error: Error) => void;
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined;
  #ended: Error | undefined;
  #closing = false;

  private constructor(worker: Worker, onCrash: (error: Error) => void) {
    this.#worker = worker;
    this.#onCrash = onCrash;
    worker.on("message", (reply: Reply) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.resolve(reply);
    });
    worker.on("error", (error) => this.#fail(error as Error));
    worker.on("exit", () => this.#fail(new Error("The embedded database's thread has ended.")));
  }

  /** Boots the database. `onCrash` is called once if its thread ends unexpectedly. */
  static async start(
    options: WorkerOptions,
    onCrash: (error: Error) => void,
  ): Promise<{ backend: Backend; version: string }> {
    const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: options,
      transferList: typeof options.template === "object" ? [options.template.buffer] : [],
      // Postgres refuses recursion when its own stack reaches 2 MB (stack.ts). The same recursion
      // takes more of V8's stack: 3 times as much in PL/pgSQL, and 100 times as much in JSON. So V8
      // gets 256 MB, of which only the used part takes memory.
      resourceLimits: { stackSizeMb: 256 },
    });
    const booted = await new Promise<Booted>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error("The embedded database did not start.")));
    });
    return { backend: new Backend(worker, onCrash), version: booted.version };
  }

  get busy(): boolean {
    return this.#waiting !== undefined;
  }

  /**
   * Runs the prologue, if there is one, and then the body. If the prologue fails, the body does not run.
   */
  run(body: Buffer, prologue?: Buffer): Promise<{ prologue?: Buffer; body?: Buffer }> {
    return this.#run(body, prologue, false);
  }

  /** Like `run`, but the body has no more rights than the current session user. */
  runConfined(body: Buffer, prologue?: Buffer): Promise<{ prologue?: Buffer; body?: Buffer }> {
    return this.#run(body, prologue, true);
  }

  async #run(
    body: Buffer,
    prologue: Buffer | undefined,
    confined: boolean,
  ): Promise<{ prologue?: Buffer; body?: Buffer }> {
    const reply = await this.#ask({ kind: "run", body, confined, ...(prologue && { prologue }) });
    return {
      ...(reply.prologue && { prologue: Buffer.from(reply.prologue.buffer) }),
      ...(reply.body && { body: Buffer.from(reply.body.buffer) }),
    };
  }

  async dump(): Promise<Uint8Array<ArrayBuffer>> {
    const reply = await this.#ask({ kind: "dump" });
    return reply.body ?? new Uint8Array();
  }

  /**
   * Shuts the database down cleanly, or ends its thread if this takes longer than the grace period.
   */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    if (this.#ended) return;
    const exited = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    this.#worker.postMessage({ kind: "close", pack: false } satisfies Request);
    const timer = setTimeout(() => void this.#worker.terminate(), graceMs);
    await exited;
    clearTimeout(timer);
  }

  /** Like `close`, and returns the cluster. Nothing may be running. */
  async closeAndPack(): Promise<Uint8Array<ArrayBuffer>> {
    this.#closing = true;
    const exited = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    const reply = await this.#ask({ kind: "close", pack: true });
    await exited;
    return reply.body ?? new Uint8Array();
  }

  /** Ends the thread at once, like a crash. It writes nothing more. */
  kill(error: Error): void {
    this.#fail(error);
    void this.#worker.terminate();
  }

  #ask(request: Request): Promise<Reply> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (this.#waiting)
      return Promise.reject(new Error("The database worker got two requests at once."));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker.postMessage(request);
    });
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
    if (!this.#closing) this.#onCrash(error);
  }
}
