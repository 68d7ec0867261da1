/** Schemas of answers about agents. See `answer-form.ts`. */
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
import { type Newest, newest } from "../link/attendance.ts";
import { claimsOf } from "../link/claims.ts";
import type { Activity, CardRow, TreeRow } from "./card.ts";
import type { AgentRow, AgentTypeRow, Issued } from "./issued.ts";

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

/** The SDK learns the server's time from `iat`, so every token needs it. */
const token = text.refine((jwt) => {
  const { iat } = claimsOf(jwt);
  return typeof iat === "number";
});

export const issued = row<Issued>({
  agent: agentRow,
  type: agentTypeRow.nullable(),
  token,
  token_expires_at: text.refine((instant) => !Number.isNaN(Date.parse(instant))),
  renewal_secret: text,
  watched: flag,
});
export const beaten = row<{ watched: boolean; newest: Newest }>({ watched: flag, newest });
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
/** An agent with its children, and their children. */
export const treeRow: z.ZodType<TreeRow> = row<TreeRow>({
  ...card,
  children: z.lazy(() => list(treeRow)),
});
export const cardPage = row<{ agents: CardRow[]; after: string | null }>({
  agents: list(cardRow),
  after: maybeText,
});

/** @internal */
export interface LivingRow {
  id: string;
  name: string;
  type: string;
  activity: Activity;
  seconds_left: number;
}
export const livingRow = row<LivingRow>({
  id: text,
  name: text,
  type: text,
  activity: word,
  seconds_left: count,
});

/** @internal */
export interface EnrolmentKeyRow {
  id: string;
  name: string;
  scopes: string[];
  created_at: string;
  expires_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}
export const enrolmentKeyRow = row<EnrolmentKeyRow>({
  id: text,
  name: text,
  scopes: texts,
  created_at: text,
  expires_at: text,
  last_used_at: maybeText,
  revoked_at: maybeText,
});
