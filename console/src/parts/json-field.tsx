import { useId, useRef, useState } from "preact/hooks";
import { problemOf } from "./json-fault.ts";

/** A value to begin with, and where it comes from. */
export interface Template {
  value: unknown;
  /** Such as `as in the last job of this name`. */
  from: string;
}

/**
 * A field for JSON. It says while the person types whether the text is JSON, and if not, where and
 * why. Until the person types, a template may still arrive.
 */
export function JsonField(props: {
  name: string;
  label: string;
  rows: number;
  placeholder: string;
  initial?: string;
  required?: boolean;
  template?: Template | null;
}) {
  const { name, label, template, initial = "" } = props;
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const [typed, setTyped] = useState<string | null>(null);
  const text = typed ?? (initial || (template ? prettyJson(template.value) : ""));
  const problem = problemOf(text);
  const isPretty = problem !== null || text.trim() === "" || pretty(text) === text.trim();
  return (
    <div class="form-json">
      <label for={id}>{label}</label>
      <textarea
        ref={area}
        id={id}
        name={name}
        class="mono"
        rows={props.rows}
        required={props.required}
        spellcheck={false}
        placeholder={props.placeholder}
        value={text}
        aria-invalid={problem !== null}
        aria-describedby={`${id}-state`}
        onInput={({ currentTarget }) => setTyped(currentTarget.value)}
      />
      <p
        id={`${id}-state`}
        class={`form-json-state ${problem ? "tone-red" : "muted"}`}
        role="status"
      >
        <span>
          {problem ??
            (text.trim() === ""
              ? "An empty value is null."
              : typed === null && !initial && template
                ? `Filled in ${template.from}.`
                : "This is JSON.")}
        </span>
        {!isPretty && (
          <button
            type="button"
            class="link-button"
            onClick={() => {
              setTyped(pretty(text));
              area.current?.focus();
            }}
          >
            Tidy up
          </button>
        )}
      </p>
    </div>
  );
}

const prettyJson = (value: unknown) => JSON.stringify(value, null, 2);
const pretty = (text: string) => prettyJson(JSON.parse(text));
