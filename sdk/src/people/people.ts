import type { Link } from "../link/link.ts";
import { Invitations, Members } from "./members.ts";

/** Who belongs to the tenant, and who is invited. */
export class People {
  readonly members: Members;
  readonly invitations: Invitations;

  /** @internal */
  constructor(link: Link) {
    this.members = new Members(link);
    this.invitations = new Invitations(link);
  }
}
