import type { MayflyError } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { Refusal } from "../parts/notice.tsx";
import { config, listTenants, mayflyAnywhere, person, signOut } from "../session/session.ts";

/** Explains to a person without a tenant how to join one. */
export function NoTenant() {
  const [error, setError] = useState<MayflyError | null>(null);
  const create = async (name: string) => {
    const made = await mayflyAnywhere().tenants.create({ name });
    setError(made.error);
    if (!made.error) await listTenants();
  };
  const accept = async (token: string) => {
    const joined = await mayflyAnywhere().people.invitations.accept({ token });
    setError(joined.error);
    if (!joined.error) await listTenants();
  };
  return (
    <>
      <p>
        {person.value?.email} belongs to no tenant of this project.
        {config.value?.local && (
          <>
            {" "}
            Fill one with life: <code>npm run seed</code>, then look again.
          </>
        )}
      </p>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void create(String(new FormData(event.currentTarget).get("name")));
        }}
      >
        <label>
          New tenant
          <input name="name" required placeholder="Its name" maxLength={100} />
        </label>
        <button type="submit" class="button primary">
          Create
        </button>
      </form>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void accept(String(new FormData(event.currentTarget).get("token")));
        }}
      >
        <label>
          Or an invitation
          <input name="token" required placeholder="The token that you received" />
        </label>
        <button type="submit" class="button">
          Accept
        </button>
      </form>
      {error && <Refusal error={error} />}
      <div class="form-row">
        <button type="button" class="link-button" onClick={() => location.reload()}>
          Look again
        </button>
        <button type="button" class="link-button" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </>
  );
}
