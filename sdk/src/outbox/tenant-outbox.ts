import type { Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import type { Outboxes } from "./outboxes.ts";
import { type Pushed, pushOutbox } from "./push.ts";

/** The operations that agents of this and earlier processes left in the outbox of the tenant. */
export class TenantOutbox {
  readonly #link: Link;
  readonly #outboxes: Outboxes;

  /** @internal */
  constructor(link: Link, outboxes: Outboxes) {
    this.#link = link;
    this.#outboxes = outboxes;
  }

  /**
   * Pushes the operations that ended agents left in the outbox. The caller must be a member of the tenant
   * or the secret key. A living agent does the same with its `sync`.
   *
   * @returns `unavailable`, `not_authorized`, `scope_missing`, `storage_failed`, `tenant_unknown`.
   * @example
   * const mayfly = new Mayfly({ url, key, tenant, storage: ".mayfly-outbox" });
   * const { data } = await mayfly.outbox.drain();
   */
  async drain(): Promise<Result<Pushed>> {
    const tenant = this.#link.tenant("An outbox");
    if (tenant.error) return tenant;
    const outbox = this.#outboxes.of(tenant.data);
    const pushed = await pushOutbox(this.#link, outbox, null);
    await outbox.close();
    return pushed;
  }
}
