import type { MemberRole } from "../tenants/tenants.ts";

/** @internal */
export interface MemberRow {
  user_id: string;
  email: string | null;
  role: MemberRole;
  created_at: string;
}

/** @internal */
export interface InvitationRow {
  id: string;
  email: string | null;
  role: MemberRole;
  created_at: string;
  expires_at: string;
}

/** @internal */
export interface OwnInvitationRow extends Omit<InvitationRow, "email"> {
  tenant: { id: string; name: string };
}
