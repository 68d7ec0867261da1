import type { RefObject } from "preact";
import { useRef, useState } from "preact/hooks";
import { byField, entered } from "./field-values.ts";
import { parseJson } from "./form.tsx";
import type { Template } from "./json-field.tsx";
import { type Fault, faultsIn } from "./schema-faults.ts";
import { beginningWith, isObject, type Shape } from "./shape.ts";
import { plural } from "./text.ts";
import { whenReleased } from "./when-released.ts";

/** What the fields of an input are made from. */
export interface InputSource {
  /** What it is the input of, such as the name of a job. */
  of: string;
  shape: Shape | null;
  /** Where the fields come from. */
  hint: string;
  /** The schema that the input has to match. */
  schema?: unknown;
  /** What the JSON begins with if there is no shape. */
  template?: Template | null;
  /** The parts of the input that have no field. The form does not change them. */
  rest?: Record<string, unknown>;
  /** An input that fits, to fill in. */
  example?: Template | null;
}

interface Standing {
  of: string;
  /** The input as JSON, if the person writes it so. */
  json: string | null;
  /** The shape with the values of the person, after a change between fields and JSON. */
  shape: Shape | null;
  /** What the JSON had besides the parts that have a field. */
  rest: Record<string, unknown> | null;
  faults: Fault[];
  /** The fields that the person has left. Before the form is sent, only their faults are shown. */
  left: ReadonlySet<string>;
  wasSent: boolean;
}

/** The input of a form, for `InputFields`, and `read`, which reads and checks it. */
export interface Input {
  source: InputSource;
  shape: Shape | null;
  json: string | null;
  /** Whether it is one field with JSON, because there is no shape or because the person wants it. */
  isJson: boolean;
  box: RefObject<HTMLFieldSetElement | null>;
  /** The faults to show, by the name of the field. */
  faults: Map<string, string[]>;
  /** The input, or a sentence for above the button. Faults are then shown beside their fields. */
  read(form: FormData): { value: unknown } | string;
  onInput(): void;
  onChange(event: Event): void;
  toJson(): void;
  toFields(): void;
  fill(value: unknown): void;
}

/**
 * If another source arrives after the person has begun to write, its fields are ignored, unless it is of
 * something else. JSON that is already written is checked against its schema.
 */
export function useInput(source: InputSource): Input {
  const [typed, setTyped] = useState<string | null>(null);
  const kept = useRef(source);
  if (typed !== source.of) kept.current = source;
  else if (!kept.current.shape) kept.current.schema = source.schema;
  const current = kept.current;
  const blank: Standing = {
    of: current.of,
    json: null,
    shape: null,
    rest: null,
    faults: [],
    left: new Set(),
    wasSent: false,
  };
  const [stored, setStored] = useState(blank);
  const standingOf = (all: Standing) => (all.of === current.of ? all : blank);
  const standing = standingOf(stored);
  const change = (more: Partial<Standing>) => setStored((now) => ({ ...standingOf(now), ...more }));
  const box = useRef<HTMLFieldSetElement>(null);
  const shape = standing.shape ?? current.shape;
  const isJson = !shape || standing.json !== null;

  const readNow = (form: FormData): { value: unknown; faults: Fault[] } | string => {
    if (isJson) {
      const read = parseJson(String(form.get("input") ?? "").trim(), "The input");
      return typeof read === "string"
        ? read
        : { value: read.value, faults: faultsIn(current.schema, read.value) };
    }
    const { value, faults } = entered(form, shape);
    const whole = isObject(value)
      ? { ...restOf(standing.rest ?? current.rest, shape), ...value }
      : value;
    const named = new Set(faults.map(({ path }) => path.join(".")));
    const others = faultsIn(current.schema, whole ?? null).filter(
      ({ path }) => !named.has(path.join(".")),
    );
    return { value: whole ?? null, faults: [...faults, ...others] };
  };
  const begunWith = (value: unknown) => ({
    shape: current.shape && beginningWith(current.shape, value),
    rest: isObject(value) ? value : null,
  });
  const formOf = () => box.current?.form && new FormData(box.current.form);
  const check = (leaves: string[]) => {
    const form = formOf();
    const read = form && readNow(form);
    if (!read || typeof read === "string") return;
    setStored((now) => {
      const was = standingOf(now);
      return { ...was, faults: read.faults, left: new Set([...was.left, ...leaves]) };
    });
  };
  const latest = useRef(check);
  latest.current = check;
  const all = byField(isJson ? null : shape, standing.faults);
  const isShown = (name: string) => standing.wasSent || standing.left.has(name);
  return {
    source: current,
    shape,
    json: standing.json,
    isJson,
    box,
    faults: new Map([...all].filter(([name]) => isShown(name))),
    onInput() {
      if (typed !== current.of) setTyped(current.of);
      check([]);
    },
    onChange(event) {
      const { name = "" } = event.target as { name?: string };
      whenReleased(() => latest.current([name]));
    },
    read(form) {
      const read = readNow(form);
      if (typeof read === "string") return read;
      change({ faults: read.faults, wasSent: true });
      if (read.faults.length === 0) return { value: read.value };
      focusFirst(box);
      const places = byField(isJson ? null : shape, read.faults).size;
      return isJson
        ? "The input does not match what its worker expects."
        : `${plural(places, "field")} of the input must be corrected.`;
    },
    toJson() {
      const form = formOf();
      const read = form && readNow(form);
      if (!read || typeof read === "string") return;
      // What cannot be read as JSON would be lost.
      if (form && shape && entered(form, shape).faults.length > 0)
        return change({ faults: read.faults, wasSent: true });
      change({ json: JSON.stringify(read.value, null, 2), faults: [], wasSent: false });
    },
    toFields() {
      const form = formOf();
      const read = form && readNow(form);
      const next = read && typeof read !== "string" ? begunWith(read.value) : {};
      change({ shape: null, rest: null, ...next, json: null, faults: [], wasSent: false });
    },
    fill(value) {
      if (isJson) change({ json: JSON.stringify(value, null, 2), faults: [] });
      else change({ ...begunWith(value), faults: [] });
    },
  };
}

const restOf = (rest: Record<string, unknown> = {}, { properties = {} }: Shape) =>
  Object.fromEntries(Object.entries(rest).filter(([name]) => !Object.hasOwn(properties, name)));

/** Puts the person where the first fault is, once it is drawn. */
function focusFirst(box: RefObject<HTMLFieldSetElement | null>): void {
  requestAnimationFrame(() =>
    requestAnimationFrame(() =>
      box.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(),
    ),
  );
}
