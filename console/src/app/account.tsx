import { useRef } from "preact/hooks";
import { person, signOut, space } from "../session/session.ts";

/** The person who is signed in, their role, and signing out. */
export function Account() {
  const box = useRef<HTMLDetailsElement>(null);
  const email = person.value?.email ?? "";
  return (
    <details
      class="account"
      ref={box}
      onFocusOut={({ relatedTarget }) => {
        if (relatedTarget instanceof Node && !box.current?.contains(relatedTarget))
          box.current?.removeAttribute("open");
      }}
    >
      <summary aria-label={`Account of ${email}`}>{email.slice(0, 1).toUpperCase()}</summary>
      <div class="menu">
        <strong>{email}</strong>
        <span>{space.value?.me.role} of this tenant</span>
        <button type="button" class="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </details>
  );
}
