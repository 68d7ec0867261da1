import type { MayflyError, Result } from "@mayfly/sdk";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { problemOf } from "./json-fault.ts";
import { Refusal, say } from "./notice.tsx";

/** Fields and a button. Errors and refusals are shown above the button. */
export function Form(props: {
  label: string;
  /** A notice to show when it is done. */
  done?: string;
  /** Returns the answer of the call, or a sentence that says which field is wrong. */
  run(field: (name: string) => string, form: FormData): Promise<Result<unknown> | string>;
  onDone?(): void;
  children: ComponentChildren;
}) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [error, setError] = useState<MayflyError | null>(null);
  const submit = async (form: FormData) => {
    setBusy(true);
    const answer = await props.run((name) => String(form.get(name) ?? "").trim(), form);
    setBusy(false);
    setProblem(typeof answer === "string" ? answer : null);
    const refused = typeof answer === "string" ? null : answer.error;
    setError(refused);
    if (typeof answer === "string" || refused) return;
    if (props.done) say({ tone: "green", title: props.done });
    props.onDone?.();
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit(new FormData(event.currentTarget));
      }}
    >
      {props.children}
      {problem && (
        <p class="warning" role="alert">
          {problem}
        </p>
      )}
      {error && (
        <div class="warning" role="alert">
          <Refusal error={error} />
        </div>
      )}
      <button type="submit" class="button primary" disabled={busy}>
        {props.label}
      </button>
    </form>
  );
}

/** The value of a JSON field, or a sentence if the JSON is invalid. An empty field is null. */
export function parseJson(text: string, field: string): { value: unknown } | string {
  if (text === "") return { value: null };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return `${field} is not JSON. ${problemOf(text)}`;
  }
}
