import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import type { Operation } from "../contract/schemas.ts";
import type { Left } from "../link/left.ts";
import type { Link, Self } from "../link/link.ts";
import type { Limit } from "../link/requests.ts";
import type { DeadLetter } from "./held-operations.ts";
import { pushLast } from "./last-push.ts";
import type { Outbox } from "./outbox.ts";
import { asStorageError, type OnSettled, type Pushed, pushOutbox } from "./push.ts";

/** What an agent learned and the server has not acknowledged yet, and what the server refused. */
export class AgentOutbox {
  /** @internal The outbox of the tenant. */
  readonly tenant: Outbox;
  /** @internal Called with the result of each operation. */
  onSettled: OnSettled = () => {};
  readonly #link: Link;
  readonly #self: Self;
  readonly #over: () => MayflyError | null;
  #turn: Promise<unknown> = Promise.resolve();
  #inTurn = 0;
  #left = false;

  /**
   *
   * @internal
   * @param over why the agent can do nothing more.
   */
  constructor(link: Link, self: Self, tenant: Outbox, over: () => MayflyError | null) {
    this.#link = link;
    this.#self = self;
    this.tenant = tenant;
    this.#over = over;
    tenant.join(self.id);
  }

  /** @internal Why the agent can do nothing more. */
  get over(): MayflyError | null {
    return this.#over();
  }

  /** How many operations of this agent the server has not acknowledged yet. */
  get waiting(): number {
    return this.tenant.waiting(this.#self.id);
  }

  /**
   * Operations of the tenant that the server refused, with the reasons, as far as this outbox has seen them
   * since a `remember` or a `sync` opened it.
   */
  get refused(): readonly DeadLetter[] {
    return this.tenant.deadLetters;
  }

  /**
   * Retries refused operations with the next `sync`: those with these ids, or all.
   *
   * @returns how many; `storage_failed`.
   * @example
   * await agent.outbox.retry();
   * await agent.sync();
   */
  retry(ids?: string[]): Promise<Result<number>> {
    return this.#change(() => this.tenant.retry(ids?.map(idOf)));
  }

  /**
   * Discards refused operations for good: those with these ids, or all.
   *
   * @returns how many; `storage_failed`.
   * @example
   * await agent.outbox.discard(agent.outbox.refused.map(({ operation }) => operation.id));
   */
  discard(ids?: string[]): Promise<Result<number>> {
    return this.#change(() => this.tenant.discard(ids?.map(idOf)));
  }

  /**
   *
   * @internal Queues operations, all or none. When this resolves, they are as safe as the storage.
   */
  async add(operation: Operation | Operation[]): Promise<Result<null>> {
    return this.#change(async () => {
      await this.tenant.add(operation, this.#self.id);
      return null;
    });
  }

  /** @internal A timestamp for a change that is made now, later than everything in the outbox. */
  stamp(): Promise<Result<string>> {
    return this.#change(async () => {
      await this.tenant.open();
      return this.tenant.clock.next(this.#self.id);
    });
  }

  /** @internal Pushes what is waiting, from this agent and from those that have ended. */
  push(): Promise<Result<Pushed>> {
    return pushOutbox(this.#link, this.tenant, this.#self.id, (...settled) =>
      this.onSettled(...settled),
    );
  }

  /**
   *
   * @internal Runs work that pushes and pulls, one at a time, because two would pull the same page.
   */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#inTurn++;
    const run = this.#turn.then(work).finally(() => {
      this.#inTurn--;
    });
    this.#turn = run.catch(() => {});
    return run;
  }

  /** @internal */
  async finish(limit: Limit): Promise<Left | null> {
    // An agent that has ended does not open its outbox again, because another process may have it.
    if (this.#left)
      return this.waiting > 0 ? { unsynced: this.waiting, refused: 0, cause: this.#over() } : null;
    return pushLast(this.#link, this.tenant, this.#self.id, limit, (...settled) =>
      this.onSettled(...settled),
    );
  }

  /** @internal Leaves what is still there to others. */
  async close(): Promise<void> {
    if (!this.#left) this.tenant.leave(this.#self.id);
    this.#left = true;
    // Do not wait for a running sync, because its own page handler may be what closes the agent.
    if (this.#inTurn === 0) await this.tenant.close();
    else void this.#turn.then(() => this.tenant.close());
  }

  async #change<T>(change: () => Promise<T>): Promise<Result<T>> {
    const over = this.#over();
    if (over) return failed(over);
    try {
      return ok(await change());
    } catch (error) {
      return failed(asStorageError(error));
    }
  }
}
