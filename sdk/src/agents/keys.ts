import { row, text, withId } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import { instantOf } from "../contract/invalid.ts";
import type { Link } from "../link/link.ts";

import { behindRow, readAll } from "../link/read-all.ts";
import { type FromRow, fromRow } from "../link/rows.ts";
import { type EnrolmentKeyRow, enrolmentKeyRow } from "./answers.ts";

/**
 * An enrolment key without its secret.
 *
 * @interface
 */
export type EnrolmentKey = FromRow<EnrolmentKeyRow>;

const columns = "id, name, scopes, created_at, expires_at, last_used_at, revoked_at";

const madeKey = row<{ key: string; enrolment_key: EnrolmentKeyRow }>({
  key: text,
  enrolment_key: enrolmentKeyRow,
});

/** Keys by which machines spawn agents, and do nothing else. */
export class EnrolmentKeys {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Makes a key. `key` is shown this once; the database keeps its hash.
   *
   * @example
   * const { data } = await mayfly.keys.create({ name: "ci", scopes: ["memory:read"] });
   * // On the machine:
   * const machine = new Mayfly({ url, key: publishableKey, enrolmentKey: data?.key ?? "" });
   */
  async create(options: {
    name: string;
    /** What its agents can have at most; what most agents need by default. */
    scopes?: string[];
    /** In 90 days by default. */
    expiresAt?: Date;
  }): Promise<Result<{ key: string; enrolmentKey: EnrolmentKey }>> {
    const { name, scopes, expiresAt } = options;
    const answer = await this.#link.rpc(
      "create_enrolment_key",
      {
        name,
        ...(scopes && { scopes }),
        ...(expiresAt && { expires_at: instantOf(expiresAt) }),
      },
      madeKey,
    );
    if (answer.error) return answer;
    const made = answer.data.enrolment_key;
    const { id, created_at, expires_at, last_used_at, revoked_at } = made;
    const shown = { id, name, scopes: made.scopes, created_at, expires_at };
    const enrolmentKey = fromRow({ ...shown, last_used_at, revoked_at });
    return ok({ key: answer.data.key, enrolmentKey });
  }

  /** All keys of the tenant, the oldest first, with their last use; never the keys themselves. */
  async list(): Promise<Result<EnrolmentKey[]>> {
    const answer = await readAll(enrolmentKeyRow, (behind, limit) => {
      let query = this.#link.client.from("enrolment_keys").select(columns);
      // The secret key sees every tenant's.
      if (this.#link.tenantId) query = query.eq("tenant_id", this.#link.tenantId);
      if (behind) query = query.or(behindRow(behind));
      return query.order("created_at").order("id").limit(limit);
    });
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }

  /** Revokes a key, at once; with `stopAgents` also stops those that it spawned. */
  async revoke(id: string, options: { stopAgents?: boolean } = {}): Promise<Result<null>> {
    const answer = await this.#link.rpc(
      "revoke_enrolment_key",
      {
        id,
        ...(options.stopAgents && { stop_agents: true }),
      },
      withId,
    );
    return answer.error ? answer : ok(null);
  }
}
