import type { MemberRole } from "@mayfly/sdk";
import type { Space } from "../../live/space.ts";

export const allRoles: readonly MemberRole[] = ["viewer", "member", "admin", "owner"];

/** The roles that the person may give. Only owners can make owners. */
export const rolesToGive = ({ me }: Space): readonly MemberRole[] =>
  me.role === "owner" ? allRoles : allRoles.filter((role) => role !== "owner");

export const toneOfRole: Record<MemberRole, string> = {
  viewer: "gray",
  member: "blue",
  admin: "violet",
  owner: "pink",
};
