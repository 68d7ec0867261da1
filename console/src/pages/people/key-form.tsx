import type { Scope } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Form } from "../../parts/form.tsx";
import { Show, useLoaded } from "../../parts/loaded.tsx";
import { Once } from "./once.tsx";

const dayMs = 86_400_000;

/** Creates an enrolment key for a machine, and shows it once. */
export function KeyForm({ space, onClose }: { space: Space; onClose(): void }) {
  const [key, setKey] = useState<string | null>(null);
  const scopes = useLoaded(() => space.mayfly.people.scopes(), []);
  if (key)
    return (
      <Dialog title="The key" onClose={onClose}>
        <Once
          about="Give it to the machine, as MAYFLY_ENROLMENT_KEY or new Mayfly({ enrolmentKey }). It is shown only now."
          secret={key}
          label="Copy the key"
          onClose={onClose}
        />
      </Dialog>
    );
  return (
    <Dialog title="A new enrolment key" onClose={onClose}>
      <Form
        label="Make the key"
        run={async (field, form) => {
          const made = await space.mayfly.keys.create({
            name: field("name"),
            scopes: form.getAll("scope").map(String),
            expiresAt: new Date(Date.now() + Number(field("days")) * dayMs),
          });
          if (made.data) setKey(made.data.key);
          return made;
        }}
      >
        <div class="form-row">
          <label>
            Name
            <input name="name" required maxLength={100} placeholder="ci" />
          </label>
          <label>
            Valid for
            <select name="days" class="field">
              {["1", "30", "90", "365"].map((days) => (
                <option key={days} value={days} selected={days === "90"}>
                  {days === "1" ? "1 day" : `${days} days`}
                </option>
              ))}
            </select>
          </label>
        </div>
        <fieldset class="scopes">
          <legend>The most that its agents may</legend>
          <Show of={scopes}>
            {(all) => all.filter((scope) => mayGive(space, scope)).map(checkOf)}
          </Show>
        </fieldset>
      </Form>
    </Dialog>
  );
}

/** Whether an agent can have the scope, and the person has this scope, too. */
const mayGive = (space: Space, { name, agents }: Scope) => agents && space.may(name);

const checkOf = ({ name, description, byDefault }: Scope) => (
  <label key={name} class="check" title={description}>
    <input type="checkbox" name="scope" value={name} defaultChecked={byDefault} />
    <code>{name}</code>
  </label>
);
