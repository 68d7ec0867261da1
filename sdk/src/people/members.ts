import { list, ofMember, withId } from "../contract/answer-form.ts";
import { ok, type Result } from "../contract/errors.ts";
import { instantOf } from "../contract/invalid.ts";
import type { Link } from "../link/link.ts";
import { type FromRow, fromRow } from "../link/rows.ts";
import type { MemberRole } from "../tenants/tenants.ts";
import { accepted, invited, memberRow, ownInvitationRow } from "./answers.ts";
import type { InvitationRow, MemberRow, OwnInvitationRow } from "./rows.ts";

/**
 * A person in a tenant.
 *
 * @interface
 */
export type Member = FromRow<MemberRow>;

/**
 * An invitation that is open, as the tenant's admins see it.
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

  /** All people of the tenant, with their roles. */
  async list(): Promise<Result<Member[]>> {
    const answer = await this.#link.rpc("list_members", {}, list(memberRow));
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }

  /** Makes a user a member at once. */
  async add(userId: string, role: MemberRole): Promise<Result<null>> {
    const answer = await this.#link.rpc("add_member", { user_id: userId, role }, ofMember);
    return answer.error ? answer : ok(null);
  }

  /** Changes a member's role. An admin makes no owners, and the last owner stays one. */
  async changeRole(userId: string, role: MemberRole): Promise<Result<null>> {
    const answer = await this.#link.rpc("change_member_role", { user_id: userId, role }, ofMember);
    return answer.error ? answer : ok(null);
  }

  /** Removes a member. What they and their agents remembered stays. */
  async remove(userId: string): Promise<Result<null>> {
    const answer = await this.#link.rpc("remove_member", { user_id: userId }, ofMember);
    return answer.error ? answer : ok(null);
  }

  /**
   * Invites someone. The token is shown this once: send it as you like; Mayfly sends no mail. With
   * an `email`, whoever is signed in with it finds the invitation without the token too.
   *
   * @example
   * const { data } = await mayfly.people.members.invite({ email: "ada@example.com", role: "member" });
   * console.log(`https://my.app/join?token=${data?.token}`);
   */
  async invite(options: {
    role: MemberRole;
    email?: string;
    /** In 7 days by default. */
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

/** Invitations: one's own, and those that one has sent. */
export class Invitations {
  readonly #link: Link;

  /** @internal */
  constructor(link: Link) {
    this.#link = link;
  }

  /** Those for the address of who is signed in. */
  async mine(): Promise<Result<OwnInvitation[]>> {
    const answer = await this.#link.rpc("my_invitations", {}, list(ownInvitationRow));
    return answer.error ? answer : ok(answer.data.map(fromRow));
  }

  /** Accepts one, by its token or, of `mine`, by its id. */
  async accept(
    by: { token: string } | { id: string },
  ): Promise<Result<{ tenant: { id: string; name: string }; role: MemberRole }>> {
    return await this.#link.rpc("accept_invitation", by, accepted);
  }

  /** Takes an invitation of the tenant back. */
  async revoke(id: string): Promise<Result<null>> {
    const answer = await this.#link.rpc("revoke_invitation", { id }, withId);
    return answer.error ? answer : ok(null);
  }
}
