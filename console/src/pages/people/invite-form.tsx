import type { MemberRole } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Form } from "../../parts/form.tsx";
import { Once } from "./once.tsx";
import { rolesToGive } from "./role.ts";

const dayMs = 86_400_000;

/** Invites a person, and shows the link once, because Mayfly sends no mail. */
export function InviteForm({ space, onClose }: { space: Space; onClose(): void }) {
  const [token, setToken] = useState<string | null>(null);
  if (token)
    return (
      <Dialog title="The invitation" onClose={onClose}>
        <Once
          about="Send this link yourself: Mayfly sends no mail. It is shown only now. Whoever opens it signs in or makes an account first."
          secret={`${location.origin}${location.pathname}#invitation=${token}`}
          label="Copy the link"
          onClose={onClose}
        />
      </Dialog>
    );
  return (
    <Dialog title="Invite a person" onClose={onClose}>
      <Form
        label="Make the link"
        run={async (field) => {
          const email = field("email");
          const invited = await space.mayfly.people.members.invite({
            role: field("role") as MemberRole,
            ...(email && { email }),
            expiresAt: new Date(Date.now() + Number(field("days")) * dayMs),
          });
          if (invited.data) setToken(invited.data.token);
          return invited;
        }}
      >
        <label>
          E-mail address
          <input name="email" type="email" placeholder="Leave empty for whoever has the link" />
        </label>
        <label>
          Role
          <select name="role" class="field">
            {rolesToGive(space).map((role) => (
              <option key={role} value={role} selected={role === "viewer"}>
                {role}
              </option>
            ))}
          </select>
        </label>
        <label>
          Valid for
          <select name="days" class="field">
            {["1", "7", "30"].map((days) => (
              <option key={days} value={days} selected={days === "7"}>
                {days === "1" ? "1 day" : `${days} days`}
              </option>
            ))}
          </select>
        </label>
      </Form>
    </Dialog>
  );
}
