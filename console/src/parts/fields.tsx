import { useRef, useState } from "preact/hooks";
import { parseJson } from "./form.tsx";
import { JsonField, type Template } from "./json-field.tsx";
import { printable } from "./text.ts";

/** The part of a JSON Schema that is used to make fields. */
export interface Shape {
  type?: string | string[];
  properties?: Record<string, Shape>;
  required?: string[];
  enum?: unknown[];
  title?: string;
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
}

const most = 24;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The shape of an example: each property of the example becomes a field with that property's value.
 * Null if the example has none or too many, or is not an object.
 */
export function shapeOf(example: unknown): Shape | null {
  if (!isObject(example)) return null;
  const parts = Object.entries(example);
  if (parts.length === 0 || parts.length > most) return null;
  return {
    properties: Object.fromEntries(
      parts.map(([name, value]) => [name, { type: typeof value, default: value }]),
    ),
  };
}

/** The shape of a schema, with the values of an input. Null if it has no properties. */
export function shapeOfSchema(schema: unknown, input: unknown): Shape | null {
  const { properties, required } = isObject(schema) ? (schema as Shape) : {};
  if (!isObject(properties) || !isObject(input)) return null;
  return {
    ...(Array.isArray(required) && { required }),
    properties: Object.fromEntries(
      Object.entries(properties)
        .filter(([, part]) => isObject(part))
        .map(([name, part]) => [name, { ...part, default: input[name] ?? part.default }]),
    ),
  };
}

const typeOf = ({ type }: Shape) => [type].flat().find((one) => one !== "null");

/**
 * An input as a field for each part of its shape, or as one field with JSON. `readInput` reads both
 * forms. If a new shape arrives after the person has begun to write, the new shape is ignored.
 */
export function InputFields(props: {
  shape: Shape | null;
  /** Where the fields come from. */
  hint: string;
  placeholder: string;
  /** What the JSON begins with if there is no shape. */
  template?: Template | null;
  /** The parts of the input that have no field. The form does not change them. */
  rest?: Record<string, unknown>;
}) {
  const { hint, rest = {} } = props;
  const [json, setJson] = useState<string | null>(null);
  const [typed, setTyped] = useState(false);
  const kept = useRef(props.shape);
  if (!typed) kept.current = props.shape;
  const shape = kept.current;
  const area = (
    <JsonField
      name="input"
      label="Input, as JSON"
      rows={6}
      initial={json ?? ""}
      placeholder={props.placeholder}
      {...(props.template && { template: props.template })}
    />
  );
  if (!shape) return <div onInput={() => setTyped(true)}>{area}</div>;
  const asJson = (form: HTMLFormElement | null) => {
    const read = form && readInput(new FormData(form));
    if (read && typeof read !== "string") setJson(JSON.stringify(read.value, null, 2));
  };
  return (
    <fieldset class="form-fields" onInput={() => setTyped(true)}>
      <legend>
        Input <span class="muted">{hint}</span>
      </legend>
      {json === null ? (
        <>
          <input type="hidden" name="input.shape" value={JSON.stringify(shape)} />
          <input type="hidden" name="input.rest" value={JSON.stringify(rest)} />
          {Object.entries(shape.properties ?? {}).map(([name, part]) => (
            <Part
              key={`${name} ${JSON.stringify(part.default)}`}
              name={name}
              of={part}
              required={shape.required?.includes(name) ?? false}
            />
          ))}
        </>
      ) : (
        area
      )}
      <button
        type="button"
        class="link-button"
        onClick={({ currentTarget }) =>
          json === null ? asJson(currentTarget.form) : setJson(null)
        }
      >
        {json === null ? "Write it as JSON" : "Back to the fields"}
      </button>
    </fieldset>
  );
}

function Part(props: { name: string; of: Shape; required: boolean }) {
  const { of, required } = props;
  const type = typeOf(of);
  const name = `input.${props.name}`;
  const title = (
    <span title={of.description && printable(of.description)}>
      <bdi>{printable(of.title ?? props.name)}</bdi>
      {of.description && <small class="muted"> {printable(of.description)}</small>}
    </span>
  );
  if (type === "boolean" && !of.enum)
    return (
      <label class="check">
        <input type="checkbox" name={name} defaultChecked={of.default === true} />
        {title}
      </label>
    );
  const value = textOf(of);
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: each of its choices is a control.
    <label>
      {title}
      {of.enum ? (
        <select class="field" name={name} required={required}>
          {!required && <option value="">–</option>}
          {of.enum.map((one) => {
            const text = JSON.stringify(one);
            return (
              <option key={text} value={text} selected={text === value}>
                {printable(typeof one === "string" ? one : text)}
              </option>
            );
          })}
        </select>
      ) : type === "number" || type === "integer" ? (
        <input
          type="number"
          name={name}
          step={type === "integer" ? "1" : "any"}
          min={of.minimum}
          max={of.maximum}
          required={required}
          defaultValue={value}
        />
      ) : type === "string" && value.length <= 60 && !value.includes("\n") ? (
        <input name={name} defaultValue={value} />
      ) : (
        <textarea
          name={name}
          class={type === "string" ? "" : "mono"}
          rows={Math.min(8, value.split("\n").length + 1)}
          required={required && type !== "string"}
          defaultValue={value}
        />
      )}
    </label>
  );
}

/** What a field shows at first. */
function textOf(of: Shape): string {
  if (of.default === undefined || of.default === null) return "";
  if (typeof of.default === "string" && typeOf(of) === "string" && !of.enum) return of.default;
  return JSON.stringify(of.default, null, of.enum ? 0 : 2);
}

/**
 * The input that was entered in a form, or a sentence that says which part is wrong. Empty fields
 * are left out.
 */
export function readInput(form: FormData): { value: unknown } | string {
  const json = form.get("input");
  if (json !== null) return parseJson(String(json).trim(), "The input");
  const { properties = {}, required = [] } = JSON.parse(String(form.get("input.shape"))) as Shape;
  const rest = JSON.parse(String(form.get("input.rest"))) as Record<string, unknown>;
  const parts = Object.entries(rest).filter(([name]) => !Object.hasOwn(properties, name));
  for (const [name, part] of Object.entries(properties)) {
    const text = String(form.get(`input.${name}`) ?? "");
    const type = typeOf(part);
    if (type === "boolean" && !part.enum) parts.push([name, form.has(`input.${name}`)]);
    else if (type === "string" && !part.enum) {
      if (text !== "" || required.includes(name) || part.default === "") parts.push([name, text]);
    } else if (text.trim() !== "") {
      const read = parseJson(text, name);
      if (typeof read === "string") return read;
      parts.push([name, read.value]);
    }
  }
  return { value: Object.fromEntries(parts) };
}
