/** Request bodies, made from the schemas of the functions: one body for each place where a text can be. */
import { z } from "zod";

/** The part of JSON Schema that zod writes for our bodies. */
interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  required?: string[];
  items?: Schema;
  minItems?: number;
  minimum?: number;
  pattern?: string;
  format?: string;
  allOf?: Schema[];
}

/** The place of a text in a body, and a function that puts another text there. */
export interface TextPlace {
  path: string;
  with(text: string): unknown;
}

/** Every place in the bodies of a schema where a client can write a text. */
export function textPlacesOf(schema: z.ZodType): TextPlace[] {
  return placesOf(z.toJSONSchema(schema, { unrepresentable: "any", io: "input" }) as Schema, "");
}

function placesOf(schema: Schema, path: string): TextPlace[] {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives) return alternatives.flatMap((each) => placesOf(each, path));
  if (schema.type === "string") return [{ path, with: (text) => text }];
  if (schema.type === "array" && schema.items)
    return placesOf(schema.items, `${path}[]`).map((place) => ({
      path: place.path,
      with: (text) => [place.with(text)],
    }));
  if (schema.type !== "object") return [];
  const places = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    placesOf(property, `${path}.${name}`).map((place) => ({
      path: place.path,
      with: (text: string) => ({ ...(valid(schema) as object), [name]: place.with(text) }),
    })),
  );
  if (schema.properties) return places;
  return [
    { path: `${path}{key}`, with: (text) => ({ [text]: 1 }) },
    { path: `${path}{value}`, with: (text) => ({ a: { b: [text] } }) },
  ];
}

/** The smallest value that a schema accepts. A memory also gets a task, because it may not be empty. */
function valid(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives?.[0]) return valid(alternatives[0]);
  if (schema.type === "string")
    return schema.format || schema.pattern ? crypto.randomUUID() : "text";
  if (schema.type === "number" || schema.type === "integer") return schema.minimum ?? 1;
  if (schema.type === "boolean") return true;
  if (schema.type === "array")
    return Array.from({ length: schema.minItems ?? 0 }, () => valid(schema.items ?? {}));
  if (schema.type !== "object") return {};
  const wanted = [...(schema.required ?? []), "task", "query"];
  return Object.fromEntries(
    Object.entries(schema.properties ?? {})
      .filter(([name]) => wanted.includes(name))
      .map(([name, property]) => [name, valid(property)]),
  );
}
