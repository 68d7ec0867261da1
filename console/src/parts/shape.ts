/** What the fields of a form are made from: a JSON Schema, or the value of an earlier input. */

/** A part of an input, as a field shows it. */
export interface Shape {
  type?: string;
  /** The parts of an object that get a field of their own. */
  properties?: Record<string, Shape>;
  required?: string[];
  /** Of a list: what is in it. */
  items?: Shape;
  enum?: unknown[];
  format?: string;
  title?: string;
  description?: string;
  default?: unknown;
}

type Schema = Record<string, unknown>;

/** An object with more parts than this is one field with JSON, and so is everything below this depth. */
const mostParts = 24;
const mostLevels = 4;
/** A published schema is written by an agent, and its references can multiply. */
const mostFields = 80;

export const isObject = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What a reference inside a schema points to: `#/$defs/address`. */
export function referred(root: unknown, reference: unknown): unknown {
  if (typeof reference !== "string" || !reference.startsWith("#")) return undefined;
  return reference
    .slice(1)
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<unknown>(
      (at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined),
      root,
    );
}

/**
 * The shape of an example: each property of the example becomes a field with that property's value.
 * Null if the example has none or too many, or is not an object.
 */
export function shapeOf(example: unknown): Shape | null {
  if (!isObject(example)) return null;
  const parts = Object.entries(example);
  if (parts.length === 0 || parts.length > mostParts) return null;
  return {
    type: "object",
    properties: Object.fromEntries(
      parts.map(([name, value]) => [name, { type: typeof value, default: value }]),
    ),
  };
}

/** The shape of a JSON Schema. Null if it says nothing about the value. */
export function shapeOfSchema(schema: unknown): Shape | null {
  if (!isObject(schema)) return null;
  const shape = simplified(schema, { root: schema, fields: 0 }, mostLevels);
  return shape.type || shape.enum ? shape : null;
}

/** A shape that begins with the parts of a value. Parts that the value does not have keep their defaults. */
export function beginningWith(shape: Shape, value: unknown): Shape {
  if (value === undefined) return shape;
  if (!shape.properties || !isObject(value)) return { ...shape, default: value };
  return {
    ...shape,
    default: value,
    properties: Object.fromEntries(
      Object.entries(shape.properties).map(([name, part]) => [
        name,
        Object.hasOwn(value, name) ? beginningWith(part, value[name]) : part,
      ]),
    ),
  };
}

/** Follows references, and reduces what a schema can say in many ways to what a field can show. */
function simplified(schema: Schema, seen: { root: unknown; fields: number }, left: number): Shape {
  const { title, description, default: initial, ...said } = merged(schema, seen.root);
  const shape: Shape = {
    ...(typeof title === "string" && { title }),
    ...(typeof description === "string" && { description }),
    ...(initial !== undefined && { default: initial }),
  };
  if (Array.isArray(said.enum) && said.enum.length > 0) return { ...shape, enum: said.enum };
  if (said.const !== undefined)
    return { ...shape, enum: [said.const], ...(initial === undefined && { default: said.const }) };
  const [type, ...others] = [said.type].flat().filter((one) => one !== "null");
  if (typeof type !== "string" || others.length > 0) return { ...shape, type: "any" };
  shape.type = type;
  if (typeof said.format === "string") shape.format = said.format;
  if (type === "array" && isObject(said.items) && left > 0)
    shape.items = simplified(said.items, seen, 0);
  if (type !== "object" || !isObject(said.properties) || left === 0) return shape;
  const parts = Object.entries(said.properties).filter(([, part]) => isObject(part));
  seen.fields += parts.length;
  if (parts.length === 0 || parts.length > mostParts || seen.fields > mostFields) return shape;
  if (Array.isArray(said.required))
    shape.required = said.required.filter((one) => typeof one === "string");
  const below = Object.entries(isObject(initial) ? initial : {});
  shape.properties = Object.fromEntries(
    parts.map(([name, part]) => {
      const own = simplified(part as Schema, seen, left - 1);
      const given = below.find(([key]) => key === name);
      return [name, given ? beginningWith(own, given[1]) : own];
    }),
  );
  return shape;
}

/** A schema with what its references say, and without the alternative that it is null. */
function merged(schema: Schema, root: unknown): Schema {
  let at = schema;
  for (let hops = 0; hops < 8; hops++) {
    const { $ref, allOf, anyOf, oneOf, ...rest } = at;
    const choices = anyOf ?? oneOf;
    const real = Array.isArray(choices) ? choices.filter((one) => !isNull(one)) : [];
    const constants = real.map((one) => (isObject(one) ? one.const : undefined));
    if (constants.length > 1 && constants.every((one) => one !== undefined))
      return { ...rest, enum: constants };
    const next =
      $ref !== undefined
        ? referred(root, $ref)
        : Array.isArray(allOf) && allOf.length === 1
          ? allOf[0]
          : real.length === 1
            ? real[0]
            : undefined;
    if (!isObject(next)) return real.length > 1 ? { ...rest, type: "any" } : rest;
    at = { ...next, ...rest };
  }
  return {};
}

const isNull = (one: unknown) => isObject(one) && one.type === "null";
