import type { State } from "@mayfly/sdk";
import { go } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Form, parseJson } from "../../parts/form.tsx";
import { JsonField } from "../../parts/json-field.tsx";
import { printable } from "../../parts/text.ts";
import { statesOf } from "./owner.ts";

/** Changes a state, or creates a shared one. It never overwrites what somebody else wrote meanwhile. */
export function StateForm(props: {
  space: Space;
  owner?: string;
  /** The state to change. */
  state?: State;
  onClose(): void;
}) {
  const { space, owner = "shared", state, onClose } = props;
  return (
    <Dialog
      title={state ? `Change ${printable(state.key)}` : "A new shared state"}
      onClose={onClose}
    >
      <Form
        label={state ? `Save as version ${state.version + 1}` : "Make it"}
        done={state ? "The state was changed" : "The state was created"}
        onDone={onClose}
        run={async (field) => {
          const key = state?.key ?? field("key");
          const value = parseJson(field("value"), "The value");
          if (typeof value === "string") return value;
          const written = await statesOf(space, owner).set(key, value.value, {
            expectedVersion: state?.version ?? 0,
            // A change does not change when the state expires.
            ...(state?.expiresAt && { expiresAt: state.expiresAt }),
          });
          if (written.data && !state) go("state", owner, key);
          return written;
        }}
      >
        {!state && (
          <label>
            Key
            <input name="key" required maxLength={200} placeholder="release/plan" />
          </label>
        )}
        <JsonField
          name="value"
          label="Value, as JSON"
          rows={14}
          required
          placeholder='{ "step": 1 }'
          initial={state ? JSON.stringify(state.value, null, 2) : "{\n  \n}"}
        />
      </Form>
    </Dialog>
  );
}
