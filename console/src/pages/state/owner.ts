import type { RecentState, States } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";

/** The owner of a state, as the address names it. */
export const ownerOf = ({ agentId }: { agentId: string | null }): string => agentId ?? "shared";

export const statesOf = ({ mayfly }: Space, owner: string): States =>
  owner === "shared" ? mayfly.state.shared : mayfly.state.of(owner);

/**
 * People with `state:write` may write shared states. Only admins and owners may write the states of an
 * agent.
 */
export const mayWrite = ({ me, may }: Space, owner: string): boolean =>
  may("state:write") && (owner === "shared" || me.role === "admin" || me.role === "owner");

/** Whether a state is deleted or expired. Its versions are kept for a while. */
export const isGone = ({ deletedAt, expiresAt }: RecentState, now: number): boolean =>
  deletedAt !== null || (expiresAt !== null && expiresAt.getTime() <= now);
