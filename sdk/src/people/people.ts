import { list, row, text, texts } from "../contract/answer-form.ts";
import { failed, ok, type Result } from "../contract/errors.ts";
import { fromDataApi } from "../link/call.ts";
import { claimsOf } from "../link/claims.ts";
import type { Link } from "../link/link.ts";
import type { MemberRole } from "../tenants/tenants.ts";
import { memberRow } from "./answers.ts";
import { nobody, notMember } from "./errors.ts";
import { Invitations, Members } from "./members.ts";

/** Whoever is signed in, in the tenant. */
export interface OwnMembership {
  userId: string;
  email: string | null;
  role: MemberRole;
  /** What the role allows. */
  scopes: string[];
}

const scopeRow = row<{ name: string; roles: string[] }>({ name: text, roles: texts });

/** Who belongs to the tenant, and who is invited. */
export class People {
  readonly members: Members;
  readonly invitations: Invitations;
  readonly #link: Link;
  readonly #token: (() => Promise<string | null>) | undefined;

  /** @internal */
  constructor(link: Link, token?: () => Promise<string | null>) {
    this.#link = link;
    this.#token = token;
    this.members = new Members(link);
    this.invitations = new Invitations(link);
  }

  /**
   * Whoever is signed in, with the role and its scopes: for a page that shows only the buttons that would
   * work. The database decides all the same, at each call.
   *
   * @returns `not_authorized` where nobody is signed in, or not a member of the tenant.
   * @example
   * const { data: me } = await mayfly.people.me();
   * const mayStop = me?.scopes.includes("agent:stop");
   */
  async me(): Promise<Result<OwnMembership>> {
    const { sub } = claimsOf((await this.#token?.()) ?? "");
    if (typeof sub !== "string") return failed(nobody());
    const members = await this.#link.rpc("list_members", {}, list(memberRow));
    if (members.error) return members;
    const own = members.data.find(({ user_id }) => user_id === sub);
    if (!own) return failed(notMember());
    const query = this.#link.client.from("scopes").select("name, roles").order("name");
    const scopes = fromDataApi(await query, list(scopeRow));
    if (scopes.error) return scopes;
    const { email, role } = own;
    const held = scopes.data.filter(({ roles }) => roles.includes(role));
    return ok({ userId: sub, email, role, scopes: held.map(({ name }) => name) });
  }
}
