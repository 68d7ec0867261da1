/** How the isolation sweep fills and attacks this room: see tests/harness/sweep.ts. */
import { rpc } from "#harness/callers";
import type { RoomSweep } from "#harness/sweep";

declare module "#harness/sweep" {
  interface Victim {
    invitation: string;
    invitationToken: string;
  }
}

export const sweep: RoomSweep = {
  shownBy: {
    invitations: "member:write",
    members: "member:read",
  },
  fill: async (sql, victim) => {
    const { token, invitation } = await rpc<{ token: string; invitation: { id: string } }>(
      sql,
      victim.owner,
      "invite_member",
      { role: "viewer", email: "somebody@example.com" },
    );
    await sql`
      insert into mayfly_private.ensured_tenants (name, tenant_id)
      values (${`ensured ${victim.tenant}`}, ${victim.tenant})`;
    const granted = { client_id: "secret", scopes: ["memory:read"] };
    await rpc(sql, victim.owner, "grant_client", granted);
    return { invitation: invitation.id, invitationToken: token };
  },
  attacks: (victim) => ({
    accept_invitation: {
      values: { token: victim.invitationToken, id: victim.invitation },
      needs: null,
      only: "person",
      viewer: "may not",
    },
    add_member: {
      values: { user_id: victim.viewer.sub, role: "owner" },
      needs: "member:write",
      only: "secret",
      viewer: "may not",
    },
    change_member_role: {
      values: { user_id: victim.viewer.sub, role: "owner" },
      needs: "member:write",
      viewer: "may not",
    },
    ensure_tenant: { values: { name: "mine" }, needs: null, only: "person", viewer: "may not" },
    grant_client: {
      values: { client_id: "planted", scopes: ["memory:write"] },
      needs: null,
      only: "person",
      viewer: "may not",
    },
    invite_member: { values: { role: "admin" }, needs: "member:write", viewer: "may not" },
    leave_tenant: { values: {}, needs: null, only: "person", viewer: "may" },
    list_client_grants: { values: {}, needs: null, only: "person", viewer: "own" },
    list_members: { values: {}, needs: "member:read", viewer: "may" },
    my_invitations: { values: {}, needs: null, only: "person", viewer: "may" },
    remove_member: {
      values: { user_id: victim.viewer.sub },
      needs: "member:write",
      viewer: "may not",
    },
    revoke_client: {
      values: { client_id: "secret" },
      needs: null,
      only: "person",
      viewer: "own",
    },
    revoke_invitation: {
      values: { id: victim.invitation },
      needs: "member:write",
      viewer: "may not",
    },
    transfer_tenant: {
      values: { user_id: victim.viewer.sub },
      needs: "member:write",
      only: "person",
      viewer: "may not",
    },
  }),
};
