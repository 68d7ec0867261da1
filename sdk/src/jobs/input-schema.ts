import { problemOf } from "../contract/storable.ts";
import { kindBounds } from "../contract/work-bounds.ts";
import type { JobSchema } from "./schema.ts";

/** A JSON Schema, or why there is none. */
export type InputSchema =
  | { schema: Record<string, unknown>; why?: undefined }
  | { schema?: undefined; why: string };

type Convert = (options: { target: string; libraryOptions?: object }) => unknown;

/**
 * The JSON Schema of what a schema takes, converted by its own library
 * (https://standardschema.dev/json-schema).
 */
export function inputSchemaOf(schema: JobSchema): InputSchema {
  try {
    const { vendor, jsonSchema } = schema["~standard"] as {
      vendor?: string;
      jsonSchema?: { input?: Convert };
    };
    if (typeof jsonSchema?.input !== "function")
      return { why: "its library has no conversion to JSON Schema (zod has one from 4.2 on)" };
    const options = vendor === "zod" ? { libraryOptions: { unrepresentable } } : {};
    const { $schema: _, ...made } = JSON.parse(
      JSON.stringify(jsonSchema.input({ target: "draft-2020-12", ...options })),
    ) as Record<string, unknown>;
    const why = faultIn(made);
    return why === null ? { schema: made } : { why };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

/** A date that zod makes from a text is a text in JSON. No JSON fits other dates, or types such as maps. */
const unrepresentable = ({ zodSchema }: { zodSchema?: { _zod?: { def?: object } } }) => {
  const { type, coerce } = Object(zodSchema?._zod?.def) as { type?: string; coerce?: boolean };
  return type === "date" && coerce ? { type: "string", format: "date-time" } : "throw";
};

/** Why the database would refuse a schema. */
function faultIn(schema: object): string | null {
  const text = JSON.stringify(schema);
  if (new TextEncoder().encode(text).length > kindBounds.schemaBytes)
    return `it has more than ${kindBounds.schemaBytes} bytes`;
  if (levelsOf(schema) > kindBounds.schemaLevels)
    return `it has more than ${kindBounds.schemaLevels} levels`;
  return problemOf(schema) ?? null;
}

const levelsOf = (value: unknown): number =>
  typeof value === "object" && value !== null
    ? 1 + Math.max(0, ...Object.values(value).map(levelsOf))
    : 0;
