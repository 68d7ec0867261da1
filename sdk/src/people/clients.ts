import { deleted, list, row, text, texts } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { type FromRow, fromRow } from "../link/rows.ts";

interface ClientGrantRow {
  tenant_id: string;
  /** The id of the client in Supabase Auth. */
  client_id: string;
  scopes: string[];
  created_at: string;
  updated_at: string;
}

/**
 * What a person has granted to an OAuth client.
 *
 * @interface
 */
export type ClientGrant = FromRow<ClientGrantRow>;

const grantRow = row<ClientGrantRow>({
  tenant_id: text,
  client_id: text,
  scopes: texts,
  created_at: text,
  updated_at: text,
});

/**
 * The OAuth clients of Supabase Auth, such as an MCP client, and what the person who is signed in has granted
 * to each. In the tenant, a token with a `client_id` may do only what was granted, even if the person's role
 * allows more.
 */
export class Clients {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Grants scopes to a client. They replace scopes that were granted earlier. Only a person who has these
   * scopes can grant them. Scopes for administering the tenant, creating or stopping agents, taking jobs,
   * deciding approvals, voting or reading secrets cannot be granted.
   *
   * @returns `scope_missing` with `details.scope`, `scope_unknown`, `invalid_request`, `quota_exceeded`,
   * `not_authorized`.
   * @example
   * await mayfly.people.clients.grant(clientId, ["memory:read", "state:read"]);
   */
  async grant(clientId: string, scopes: string[]): Promise<Result<ClientGrant>> {
    const given = { client_id: clientId, scopes };
    const answer = await this.#link.rpc("grant_client", given, grantRow);
    return answer.error ? answer : ok(fromRow(answer.data));
  }

  /** Revokes everything that was granted to a client, at once. @returns whether there was a grant. */
  async revoke(clientId: string): Promise<Result<boolean>> {
    const answer = await this.#link.rpc("revoke_client", { client_id: clientId }, deleted);
    return answer.error ? answer : ok(answer.data.deleted);
  }

  /** Lists what the person who is signed in has granted in the tenant, for each client. */
  async list(): Promise<Result<ClientGrant[]>> {
    const answer = await this.#link.rpc("list_client_grants", {}, list(grantRow));
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }
}
