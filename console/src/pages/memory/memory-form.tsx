import type { Memory, MemoryFields, MemoryKind } from "@mayfly/sdk";
import { go } from "../../app/route.ts";
import type { Space } from "../../live/space.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Form } from "../../parts/form.tsx";
import { kinds, kindWord } from "./kinds.ts";

const texts = ["task", "input", "output", "critique"] as const;
type Fields = Pick<Memory, (typeof texts)[number] | "kind" | "reward" | "importance" | "tags">;

/** Remembers something, or updates a memory. Changes that others made meanwhile are merged. */
export function MemoryForm(props: { space: Space; of: Memory | null; onClose(): void }) {
  const { space, of, onClose } = props;
  const { memory } = space.mayfly;
  return (
    <Dialog title={of ? "Edit the memory" : "Remember"} onClose={onClose} class="wide-dialog">
      <Form
        label={of ? "Save" : "Remember it"}
        done={of ? "It is changed" : "It is remembered"}
        onDone={onClose}
        run={async (field) => {
          const reward = field("reward");
          const given: Fields = {
            kind: field("kind") as MemoryKind,
            task: field("task"),
            input: field("input"),
            output: field("output"),
            critique: field("critique"),
            reward: reward === "" ? null : Number(reward),
            importance: Number(field("importance") || 5),
            tags: field("tags")
              .split(",")
              .flatMap((tag) => tag.trim() || []),
          };
          if (!of) {
            const { reward: known, ...rest } = given;
            const made = await memory.remember({
              ...rest,
              ...(known !== null && { reward: known }),
            });
            if (made.data) go("memory", made.data.id);
            return made;
          }
          const changed = (Object.keys(given) as (keyof Fields)[]).filter(
            (name) => JSON.stringify(given[name]) !== JSON.stringify(trimmed(of[name])),
          );
          if (changed.length === 0) return "Nothing is changed.";
          const pick = (from: Fields) =>
            Object.fromEntries(changed.map((name) => [name, from[name]])) as MemoryFields;
          return memory.update(of.id, { set: pick(given), base: pick(of), resolve: "merge" });
        }}
      >
        <div class="thirds">
          <label>
            Kind
            <select class="field" name="kind" defaultValue={of?.kind ?? "episode"}>
              {kinds.map(([kind]) => (
                <option key={kind} value={kind} selected={kind === (of?.kind ?? "episode")}>
                  {kindWord(kind)}
                </option>
              ))}
            </select>
          </label>
          <label>
            Reward, 0 to 1
            <input
              name="reward"
              type="number"
              min="0"
              max="1"
              step="any"
              placeholder="unknown"
              defaultValue={of?.reward === null || !of ? "" : String(of.reward)}
            />
          </label>
          <label>
            Importance, 1 to 10
            <input
              name="importance"
              type="number"
              min="1"
              max="10"
              defaultValue={String(of?.importance ?? 5)}
            />
          </label>
        </div>
        {texts.map((name) => (
          <label key={name}>
            {{ task: "Task", input: "Input", output: "Output", critique: "Critique" }[name]}
            <textarea
              name={name}
              rows={name === "task" || name === "critique" ? 2 : 4}
              defaultValue={of?.[name] ?? ""}
            />
          </label>
        ))}
        <label>
          Tags, separated by commas
          <input name="tags" defaultValue={of?.tags.join(", ") ?? ""} />
        </label>
      </Form>
    </Dialog>
  );
}

/** A value as a form would return it: texts without spaces around them. */
const trimmed = (value: unknown) => (typeof value === "string" ? value.trim() : value);
