/** Processes of workers that are killed or stopped at random. One that has died is started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Sql } from "#harness/callers";
import type { Random } from "./random.ts";

/** Longer than a worker's lease of 3 s. */
const asleepMs = 4_500;

export class Workers {
  /** How many processes have died. */
  deaths = 0;
  /** How many processes were stopped for longer than their leases, and woke as zombies. */
  zombies = 0;
  readonly #program: string;
  readonly #words: string[];
  readonly #running: ChildProcess[] = [];
  #isOver = false;

  /** @param program a file of this folder, which gets the `words` as its arguments. */
  constructor(program: string, words: string[]) {
    this.#program = join(import.meta.dirname, program);
    this.#words = words;
  }

  start(count: number): void {
    for (let place = 0; place < count; place++) this.#startAt(place);
  }

  /** Kills a process, stops one, or ends all connections to the database, with the probability of each. */
  async strike(
    random: Random,
    sql: Sql,
    { kill, stop }: { kill: number; stop: number },
  ): Promise<void> {
    const victim = this.#running[random.between(0, this.#running.length - 1)];
    const fate = random.next();
    if (fate < kill) victim?.kill("SIGKILL");
    else if (fate < kill + stop) {
      this.zombies++;
      victim?.kill("SIGSTOP");
      setTimeout(() => victim?.kill("SIGCONT"), asleepMs);
    } else
      await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`.catch(() => {});
  }

  /** Kills all processes, and starts none again. */
  end(): void {
    this.#isOver = true;
    for (const child of this.#running) child.kill("SIGKILL");
    this.#running.length = 0;
  }

  #startAt(place: number): void {
    const child = spawn(process.execPath, [this.#program, ...this.#words], { stdio: "ignore" });
    this.#running[place] = child;
    child.once("exit", () => {
      this.deaths++;
      if (!this.#isOver) this.#startAt(place);
    });
  }
}
