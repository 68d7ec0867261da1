/** Schemas of answers about the people of a tenant. See `answer-form.ts`. */
import { type Fields, maybeText, row, text, word } from "../contract/answer-form.ts";
import type { InvitationRow, MemberRow, OwnInvitationRow } from "./rows.ts";

const member: Fields<MemberRow> = {
  user_id: text,
  email: maybeText,
  role: word,
  created_at: text,
};
export const memberRow = row<MemberRow>(member);
const invitation = { id: text, role: word, created_at: text };
export const invitationRow = row<InvitationRow>({
  ...invitation,
  email: maybeText,
  expires_at: text,
});
const tenantName = row<{ id: string; name: string }>({ id: text, name: text });
export const ownInvitationRow = row<OwnInvitationRow>({
  ...invitation,
  expires_at: text,
  tenant: tenantName,
});
export const invited = row<{ token: string; invitation: InvitationRow }>({
  token: text,
  invitation: invitationRow,
});
export const accepted = row<{
  tenant: { id: string; name: string };
  role: MemberRow["role"];
}>({ tenant: tenantName, role: word });
