/** The forms of answers about agents, tenants and their people: see `answer-form.ts`. */
import { z } from "zod";
import {
  count,
  type Fields,
  flag,
  list,
  maybeCount,
  maybeText,
  object,
  row,
  text,
  texts,
  word,
} from "../contract/answer-form.ts";
import type { InvitationRow, MemberRow, OwnInvitationRow } from "../people/members.ts";
import type { TenantRow, Usage } from "../tenants/tenants.ts";
import type { CardRow, TreeRow } from "./agents.ts";
import type { EnrolmentKeyRow } from "./keys.ts";
import type { LivingRow } from "./presence-watch.ts";
import type { AgentRow, AgentTypeRow, Issued } from "./session.ts";

export const agentRow = row<AgentRow>({
  id: text,
  tenant_id: text,
  name: text,
  type: text,
  type_version: maybeCount,
  parent_id: maybeText,
  depth: count,
  capabilities: texts,
  scopes: texts,
  status: word,
  task: maybeText,
  spawned_at: text,
  expires_at: text,
  stopped_at: maybeText,
  stop_reason: maybeText,
  metadata: object,
});

export const agentTypeRow = row<AgentTypeRow>({
  name: text,
  version: count,
  role: text,
  description: text,
  prompt: text,
  capabilities: texts,
  scopes: texts.nullable(),
  lifetime: maybeText,
  max_lifetime: maybeText,
  max_living: maybeCount,
  metadata: object,
  created_at: text,
});

/** With its two times a token tells the time of the server, so they must be there. */
const token = text.refine((jwt) => {
  const { iat } = claimsOf(jwt);
  return typeof iat === "number";
});
/** The claims of a token, unverified; none of what is no token. */
export function claimsOf(jwt: string): { iat?: unknown } {
  try {
    const payload = jwt.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/") ?? "";
    return Object(JSON.parse(atob(payload)));
  } catch {
    return {};
  }
}

export const issued = row<Issued>({
  agent: agentRow,
  type: agentTypeRow.nullable(),
  token,
  token_expires_at: text.refine((instant) => !Number.isNaN(Date.parse(instant))),
  renewal_secret: text,
  watched: flag,
});
export const stopped = row<{ agent: AgentRow }>({ agent: agentRow });

const card: Fields<CardRow> = {
  id: text,
  name: text,
  type: text,
  type_version: maybeCount,
  role: maybeText,
  capabilities: texts,
  scopes: texts,
  status: word,
  activity: word,
  task: maybeText,
  parent: maybeText,
  depth: count,
  children: count,
  seconds_left: count,
  spawned_at: text,
  expires_at: text,
  last_seen_at: maybeText,
  stopped_at: maybeText,
  stop_reason: maybeText,
  suspend_reason: maybeText,
  metadata: object,
};
export const cardRow = row<CardRow>(card);
/** As deep as the tree is. */
export const treeRow: z.ZodType<TreeRow> = row<TreeRow>({
  ...card,
  children: z.lazy(() => list(treeRow)),
});
export const cardPage = row<{ agents: CardRow[]; after: string | null }>({
  agents: list(cardRow),
  after: maybeText,
});

export const livingRow = row<LivingRow>({
  id: text,
  name: text,
  type: text,
  activity: word,
  seconds_left: count,
});

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

export const enrolmentKeyRow = row<EnrolmentKeyRow>({
  id: text,
  name: text,
  scopes: texts,
  created_at: text,
  expires_at: text,
  last_used_at: maybeText,
  revoked_at: maybeText,
});

export const tenantRow = row<TenantRow>({ id: text, name: text, created_at: text });
export const usage = row<Usage>({
  memories: count,
  bytes: count,
  writes_this_minute: count,
  living_agents: count,
  spawns_left: count,
  limits: z.record(text, maybeCount),
});
