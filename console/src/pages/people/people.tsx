import "./people.css";
import { useState } from "preact/hooks";
import { Head } from "../../parts/panel.tsx";
import type { PageProps } from "../page.ts";
import { Invitations } from "./invitations.tsx";
import { InviteForm } from "./invite-form.tsx";
import { Keys } from "./keys.tsx";
import { Members } from "./members.tsx";
import { Roles } from "./roles.tsx";

/** Who belongs to the tenant, who is invited, which machines may spawn, and what each role allows. */
export default function People({ space }: PageProps) {
  const [invites, setInvites] = useState(false);
  const [changes, setChanges] = useState(0);
  const changed = () => setChanges((before) => before + 1);
  return (
    <>
      <Head title="People" about="Who may see and do what in this tenant.">
        {space.may("member:write") && (
          <button type="button" class="button primary" onClick={() => setInvites(true)}>
            Invite
          </button>
        )}
      </Head>
      <div class="stack">
        <Members space={space} changes={changes} onChange={changed} />
        {space.may("member:write") && (
          <Invitations space={space} changes={changes} onChange={changed} />
        )}
        {space.may("key:write") && <Keys space={space} />}
        <Roles space={space} />
      </div>
      {invites && (
        <InviteForm
          space={space}
          onClose={() => {
            setInvites(false);
            changed();
          }}
        />
      )}
    </>
  );
}
