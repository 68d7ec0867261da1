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

/** Keys with which machines can spawn agents, and do nothing else. */
export class EnrolmentKeys {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Creates a key. You see `key` only this once, because the database keeps only its hash.
   *
   * @example
   * const { data } = await mayfly.keys.create({ name: "ci", scopes: ["memory:read"] });
   * // On the machine:
   * const machine = new Mayfly({ url, key: publishableKey, enrolmentKey: data?.key ?? "" });
   */
  async create(options: {
    name: string;
    /** The only scopes that agents of this key can get. By default, those that most agents need. */
    scopes?: string[];
    /** When it expires. In 90 days by default. */
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

  /** Lists all keys of the tenant with their last use, oldest first. Never returns the keys themselves. */
  async list(): Promise<Result<EnrolmentKey[]>> {
    const answer = await readAll(enrolmentKeyRow, (behind, limit) => {
      let query = this.#link.client.from("enrolment_keys").select(columns);
      // The secret key sees the keys of every tenant.
      if (this.#link.tenantId) query = query.eq("tenant_id", this.#link.tenantId);
      if (behind) query = query.or(behindRow(behind));
      return query.order("created_at").order("id").limit(limit);
    });
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }

  /** Revokes a key at once. With `stopAgents`, also stops the agents that it spawned. */
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
