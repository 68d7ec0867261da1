import { failed, type MayflyError, ok, type Result } from "../contract/errors.ts";
import { idOf } from "../contract/ids.ts";
import type { Operation } from "../contract/operation.ts";
import type { Link, Self } from "../link/link.ts";
import type { Limit } from "../link/requests.ts";
import { type Left, notPushed } from "../link/unsent-at-close.ts";
import type { DeadLetter } from "./held-operations.ts";
import { pushLast } from "./last-push.ts";
import type { Outbox } from "./outbox.ts";
import { asStorageError, type OnSettled, type Pushed, pushOutbox } from "./push.ts";

/**
 * An agent's operations that the server has not acknowledged yet, and operations that the server
 * refused.
 */
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
   * @internal
   * @param over returns why the agent can no longer act, or null while the agent can act.
   */
  constructor(link: Link, self: Self, tenant: Outbox, over: () => MayflyError | null) {
    this.#link = link;
    this.#self = self;
    this.tenant = tenant;
    this.#over = over;
    tenant.join(self.id);
  }

  /** @internal Why the agent can no longer act. Null while the agent can act. */
  get over(): MayflyError | null {
    return this.#over();
  }

  /** How many operations of this agent the server has not acknowledged yet. */
  get waiting(): number {
    return this.tenant.waiting(this.#self.id);
  }

  /**
   * Operations of the tenant that the server refused, with the reasons. The list is empty until a `remember` or
   * a `sync` has opened the outbox.
   */
  get refused(): readonly DeadLetter[] {
    return this.tenant.deadLetters;
  }

  /**
   * Retries refused operations with the next `sync`: those with these ids, or all.
   *
   * @returns how many operations will be retried. Errors: `storage_failed`.
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
   * @returns how many operations were discarded. Errors: `storage_failed`.
   * @example
   * await agent.outbox.discard(agent.outbox.refused.map(({ operation }) => operation.id));
   */
  discard(ids?: string[]): Promise<Result<number>> {
    return this.#change(() => this.tenant.discard(ids?.map(idOf)));
  }

  /**
   * Pushes the waiting operations. If the server refuses a change of a memory in `ids`, that change is
   * discarded.
   *
   * @param ids the ids of memories that this agent has changed.
   * @returns the first error with which the server refused a change of these memories. After any other
   * error, the changes wait in the outbox. One such error is `not_pushed`: the agent is ending, and its
   * last push is already sending the changes.
   * @example
   * const { data } = await agent.remember({ task: "Rotate the key", output: "Done." });
   * const { error } = await agent.outbox.pushNow(data ? [data.id] : []);
   */
  async pushNow(ids: string[]): Promise<Result<null>> {
    const pushed = await this.inTurn(() => this.push());
    if (pushed.error) return pushed;
    const wanted = new Set(ids.map(idOf));
    const refused = this.refused.filter(
      ({ agentId, operation }) => agentId === this.#self.id && wanted.has(operation.subject),
    );
    const [first] = refused;
    if (!first) {
      const waiting = this.tenant.operations(this.#self.id);
      const unsynced = waiting.filter(({ subject }) => wanted.has(subject)).length;
      const left = { unsynced, refused: 0, cause: null };
      return unsynced > 0 ? failed(notPushed("The push has ended", left)) : ok(null);
    }
    const discarded = await this.discard(refused.map(({ operation }) => operation.id));
    return failed(discarded.error ?? first.error);
  }

  /**
   * @internal Queues operations, all or none. When this resolves, the storage has them.
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

  /** @internal Pushes waiting operations, of this agent and of agents that have ended. */
  push(): Promise<Result<Pushed>> {
    return pushOutbox(this.#link, this.tenant, this.#self.id, (...settled) =>
      this.onSettled(...settled),
    );
  }

  /**
   * @internal Runs work that pushes and pulls. Only one piece of work runs at a time, because two would
   * pull the same page.
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

  /** @internal Leaves the remaining operations to others. */
  async close(): Promise<void> {
    if (!this.#left) this.tenant.leave(this.#self.id);
    this.#left = true;
    // Do not wait for a running sync, because its own page handler may be closing the agent.
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
