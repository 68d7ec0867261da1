import { list, ofMember, withId } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import { instantOf } from "../contract/invalid.ts";
import type { Link } from "../link/link.ts";
import { behindRow, readAll } from "../link/read-all.ts";
import { type FromRow, fromRow } from "../link/rows.ts";
import type { MemberRole } from "../tenants/tenants.ts";
import { accepted, invitationRow, invited, memberRow, ownInvitationRow } from "./answers.ts";
import type { InvitationRow, MemberRow, OwnInvitationRow } from "./rows.ts";

/**
 * A person in a tenant.
 *
 * @interface
 */
export type Member = FromRow<MemberRow>;

/**
 * An open invitation, as the tenant's admins see it.
 *
 * @interface
 */
export type Invitation = FromRow<InvitationRow>;

/**
 * An invitation, as the invited person sees it.
 *
 * @interface
 */
export type OwnInvitation = FromRow<OwnInvitationRow>;

/** The people of the tenant. */
export class Members {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /** Lists all people of the tenant with their roles. */
  async list(): Promise<Result<Member[]>> {
    const answer = await this.#link.rpc("list_members", {}, list(memberRow));
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }

  /** Makes a user a member without an invitation. */
  async add(userId: string, role: MemberRole): Promise<Result<null>> {
    const answer = await this.#link.rpc("add_member", { user_id: userId, role }, ofMember);
    return answer.error ? answer : ok(null);
  }

  /** Changes a member's role. An admin cannot make owners, and the last owner has to stay owner. */
  async changeRole(userId: string, role: MemberRole): Promise<Result<null>> {
    const answer = await this.#link.rpc("change_member_role", { user_id: userId, role }, ofMember);
    return answer.error ? answer : ok(null);
  }

  /** Removes a member. Everything that they and their agents remembered stays. */
  async remove(userId: string): Promise<Result<null>> {
    const answer = await this.#link.rpc("remove_member", { user_id: userId }, ofMember);
    return answer.error ? answer : ok(null);
  }

  /**
   * Invites someone. You see the token only this once. Send it to the person yourself, because Mayfly sends
   * no mail. If you set `email`, the person who is signed in with it also finds the invitation without the
   * token.
   *
   * @example
   * const { data } = await mayfly.people.members.invite({ email: "ada@example.com", role: "member" });
   * console.log(`https://my.app/join?token=${data?.token}`);
   */
  async invite(options: {
    role: MemberRole;
    email?: string;
    /** When it expires. In 7 days by default. */
    expiresAt?: Date;
  }): Promise<Result<{ token: string; invitation: Invitation }>> {
    const { role, email, expiresAt } = options;
    const answer = await this.#link.rpc(
      "invite_member",
      {
        role,
        ...(email && { email }),
        ...(expiresAt && { expires_at: instantOf(expiresAt) }),
      },
      invited,
    );
    if (answer.error) return answer;
    const { token, invitation } = answer.data;
    const { id, created_at, expires_at } = invitation;
    return ok({
      token,
      invitation: fromRow({ id, email: invitation.email, role, created_at, expires_at }),
    });
  }
}

/** Invitations that you received, and those that you sent. */
export class Invitations {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /** Lists invitations for the address of the person who is signed in. */
  async mine(): Promise<Result<OwnInvitation[]>> {
    const answer = await this.#link.rpc("my_invitations", {}, list(ownInvitationRow));
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }

  /** Accepts an invitation, by its token or by its id from `mine`. */
  async accept(
    by: { token: string } | { id: string },
  ): Promise<Result<{ tenant: { id: string; name: string }; role: MemberRole }>> {
    return await this.#link.rpc("accept_invitation", by, accepted);
  }

  /**
   * Lists the invitations of the tenant that are neither accepted nor revoked, oldest first and without their
   * tokens. Needs `member:write`.
   *
   * @example
   * const { data: open } = await mayfly.people.invitations.list();
   * console.log(open?.map(({ email, role, expiresAt }) => [email, role, expiresAt]));
   */
  async list(): Promise<Result<Invitation[]>> {
    const answer = await readAll(invitationRow, (behind, limit) => {
      let query = this.#link.client
        .from("invitations")
        .select("id, email, role, created_at, expires_at")
        .is("accepted_at", null)
        .is("revoked_at", null);
      // The secret key sees the invitations of every tenant.
      if (this.#link.tenantId) query = query.eq("tenant_id", this.#link.tenantId);
      if (behind) query = query.or(behindRow(behind));
      return query.order("created_at").order("id").limit(limit);
    });
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }

  /** Revokes an invitation of the tenant. */
  async revoke(id: string): Promise<Result<null>> {
    const answer = await this.#link.rpc("revoke_invitation", { id }, withId);
    return answer.error ? answer : ok(null);
  }
}
