import type { Result } from "../contract/errors.ts";
import type { Note } from "../link/note.ts";
import type { JobsDoor } from "./door.ts";
import type { JobHandlers } from "./local-job.ts";
import type { Work, WorkOptions } from "./work-options.ts";
import { Worker } from "./worker.ts";

/** The workers of one connection, which end with it. */
export class Works {
  readonly #door: JobsDoor;
  readonly #note: Note | undefined;
  readonly #working = new Set<Worker>();

  constructor(door: JobsDoor, note?: Note) {
    this.#door = door;
    this.#note = note;
  }

  start(handlers: JobHandlers, options: WorkOptions): Result<Work> {
    const started = Worker.start(this.#door, handlers, options, this.#note);
    if (started.error) return started;
    const worker = started.data;
    this.#working.add(worker);
    void worker.ended.then(() => this.#working.delete(worker));
    return started;
  }

  /** Jobs under way have this time to end; then they are given back. */
  async close(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#working].map((worker) => worker.stop({ timeoutMs })));
  }
}
