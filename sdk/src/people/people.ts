import { flag, list, row, text, texts } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { fromDataApi } from "../link/call.ts";
import { claimsOf } from "../link/claims.ts";
import type { Link } from "../link/link.ts";
import { fromRow } from "../link/rows.ts";
import type { MemberRole } from "../tenants/tenants.ts";
import { memberRow } from "./answers.ts";
import { Clients } from "./clients.ts";
import { nobody, notMember } from "./errors.ts";
import { Invitations, Members } from "./members.ts";

/** The person who is signed in, as a member of the tenant. */
export interface OwnMembership {
  userId: string;
  email: string | null;
  role: MemberRole;
  /** The scopes of the role. */
  scopes: string[];
}

/** What a role or an agent may be allowed to do. */
export interface Scope {
  /** The name, such as `agent:stop`. */
  name: string;
  description: string;
  /** The roles that have it. */
  roles: MemberRole[];
  /** Whether agents can have it. */
  agents: boolean;
  /** Whether agents have it by default. */
  byDefault: boolean;
}

interface ScopeRow extends Omit<Scope, "byDefault"> {
  by_default: boolean;
}
const scopeRow = row<ScopeRow>({
  name: text,
  description: text,
  roles: texts as never,
  agents: flag,
  by_default: flag,
});

/** The members of the tenant, and invitations. */
export class People {
  readonly members: Members;
  readonly invitations: Invitations;
  /** What programs may do for the person who is signed in. */
  readonly clients: Clients;
  readonly #link: Link;
  readonly #token: (() => Promise<string | null>) | undefined;

  /** @internal */
  constructor(link: Link, token?: () => Promise<string | null>) {
    this.#link = link;
    this.#token = token;
    this.members = new Members(link);
    this.invitations = new Invitations(link);
    this.clients = new Clients(link);
  }

  /**
   * Returns the person who is signed in, with role and scopes, so that a page can show only the
   * buttons that work. The database still checks each call.
   *
   * @returns `not_authorized` if nobody is signed in, or the person is not a member of the tenant.
   * @example
   * const { data: me } = await mayfly.people.me();
   * const mayStop = me?.scopes.includes("agent:stop");
   */
  async me(): Promise<Result<OwnMembership>> {
    const { sub, client_id } = claimsOf((await this.#token?.()) ?? "");
    // A token with a client_id belongs to a program, which does not have the person's role.
    if (typeof sub !== "string" || client_id !== undefined) return failed(nobody());
    const members = await this.#link.rpc("list_members", {}, list(memberRow));
    if (members.error) return members;
    const own = members.data.find(({ user_id }) => user_id === sub);
    if (!own) return failed(notMember());
    const scopes = await this.scopes();
    if (scopes.error) return scopes;
    const { email, role } = own;
    const held = scopes.data.filter(({ roles }) => roles.includes(role));
    return ok({ userId: sub, email, role, scopes: held.map(({ name }) => name) });
  }

  /**
   * Lists all scopes by name, each with the roles that have it.
   *
   * @example
   * const { data: scopes } = await mayfly.people.scopes();
   * console.log(scopes?.filter(({ roles }) => roles.includes("viewer")).map(({ name }) => name));
   */
  async scopes(): Promise<Result<Scope[]>> {
    const columns = "name, description, roles, agents, by_default";
    const query = this.#link.client.from("scopes").select(columns).order("name");
    const answer = fromDataApi(await query, list(scopeRow));
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }
}
