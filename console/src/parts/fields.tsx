import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { choicesOf, type FieldKind, kindOf, nameOf, textOf } from "./field-values.ts";
import { JsonField } from "./json-field.tsx";
import type { Shape } from "./shape.ts";
import { printable } from "./text.ts";
import type { Input } from "./use-input.ts";

/**
 * An input as a field for each part of its shape, or as one field with JSON. `useInput` makes it, and reads
 * and checks both forms.
 */
export function InputFields({ input, placeholder }: { input: Input; placeholder: string }) {
  const { source, shape, isJson, faults } = input;
  const { hint, template, example } = source;
  return (
    <fieldset
      ref={input.box}
      class={shape ? "form-fields" : "form-fields form-plain"}
      onInput={input.onInput}
      onChange={input.onChange}
    >
      {shape && (
        <legend>
          Input <span class="muted">{hint}</span>
        </legend>
      )}
      {isJson || !shape ? (
        <>
          <JsonField
            key={input.json ?? ""}
            name="input"
            label="Input, as JSON"
            rows={6}
            initial={input.json ?? ""}
            placeholder={placeholder}
            {...(template && { template })}
          />
          <Faults of={[...faults.values()].flat()} />
        </>
      ) : shape.properties ? (
        <>
          <Parts of={shape} path={[]} faults={faults} />
          <Faults of={faults.get(nameOf([])) ?? []} />
        </>
      ) : (
        <Part title="Input" of={shape} path={[]} faults={faults} isRequired />
      )}
      {(shape || example) && (
        <p class="form-ways">
          {shape && (
            <button
              type="button"
              class="link-button"
              onClick={input.json === null ? input.toJson : input.toFields}
            >
              {input.json === null ? "Write it as JSON" : "Back to the fields"}
            </button>
          )}
          {example && (
            <button
              type="button"
              class="link-button"
              title={`Fill in the values, ${example.from}`}
              onClick={() => input.fill(example.value)}
            >
              Fill in the last input
            </button>
          )}
        </p>
      )}
    </fieldset>
  );
}

type FaultsByField = ReadonlyMap<string, string[]>;

const Parts = (props: { of: Shape; path: readonly string[]; faults: FaultsByField }) => (
  <>
    {Object.entries(props.of.properties ?? {}).map(([name, part]) => (
      <Part
        key={`${name} ${JSON.stringify(part.default)}`}
        title={part.title ?? name}
        of={part}
        path={[...props.path, name]}
        faults={props.faults}
        isRequired={props.of.required?.includes(name) ?? false}
      />
    ))}
  </>
);

interface PartProps {
  title: string;
  of: Shape;
  path: readonly string[];
  faults: FaultsByField;
  isRequired: boolean;
}

function Part({ title, of, path, faults, isRequired }: PartProps) {
  const id = useId();
  const kind = kindOf(of, isRequired);
  const name = nameOf(path);
  const problems = faults.get(name) ?? [];
  const shown = (
    <span>
      <bdi>{printable(title)}</bdi>
      {isRequired && kind !== "check" && <Required />}
      {hints[kind] && <small class="muted"> {hints[kind]}</small>}
    </span>
  );
  const about = of.description && <small class="muted">{printable(of.description)}</small>;
  if (kind === "group")
    return (
      <fieldset class="form-fields">
        <legend>{shown}</legend>
        {about}
        <Parts of={of} path={path} faults={faults} />
        <Faults of={problems} />
      </fieldset>
    );
  const control = {
    id,
    name,
    "aria-required": isRequired,
    "aria-invalid": problems.length > 0,
    "aria-describedby": `${id}-about`,
  };
  const isCheck = kind === "check";
  return (
    <div class="form-part">
      <label for={id} class={isCheck ? "check" : ""}>
        {isCheck && <input {...control} type="checkbox" defaultChecked={of.default === true} />}
        {shown}
      </label>
      {!isCheck && <Control kind={kind} of={of} isRequired={isRequired} {...control} />}
      <div id={`${id}-about`} class="form-about">
        <Faults of={problems} />
        {about}
      </div>
    </div>
  );
}

/** What a field says about itself, beside its title. */
const hints: Partial<Record<FieldKind, string>> = {
  lines: "one in each line",
  json: "JSON",
  time: "in your time zone",
};

interface ControlProps {
  kind: FieldKind;
  of: Shape;
  isRequired: boolean;
  id: string;
  name: string;
}

/** The browser's own checks are left out, because their messages cover the form. */
function Control({ kind, of, isRequired, ...control }: ControlProps) {
  const text = textOf(of, kind);
  if (kind === "choice")
    return (
      <select class="field" {...control}>
        {(!isRequired || text === "") && <option value="">–</option>}
        {choicesOf(of).map((one) => {
          const value = JSON.stringify(one);
          return (
            <option key={value} value={value} selected={value === text}>
              {printable(typeof one === "string" ? one : value)}
            </option>
          );
        })}
      </select>
    );
  if (kind === "number") return <input {...control} type="number" step="any" defaultValue={text} />;
  if (kind === "date") return <input {...control} type="date" defaultValue={text} />;
  if (kind === "time")
    return <input {...control} type="datetime-local" step="1" defaultValue={text} />;
  if (kind === "text" && text.length <= 60 && !text.includes("\n"))
    return <input {...control} defaultValue={text} />;
  return (
    <textarea
      {...control}
      class={kind === "text" ? "" : "mono"}
      rows={Math.min(8, Math.max(2, text.split("\n").length + 1))}
      spellcheck={kind === "text"}
      defaultValue={text}
    />
  );
}

const Required = () => (
  <abbr class="required" title="required">
    *
  </abbr>
);

function Faults({ of }: { of: readonly string[] }): ComponentChildren {
  return of.map((problem) => (
    <p key={problem} class="form-fault" role="alert">
      {printable(problem)}
    </p>
  ));
}
