import type { Result } from "@mayfly/sdk";
import type { CallToolResult } from "@modelcontextprotocol/server";

/** The result of a tool: the data as JSON, or the error with what to do about it. */
export function answered<T>({ data, error }: Result<T>): CallToolResult {
  if (!error) return { content: [{ type: "text", text: JSON.stringify(data) }] };
  const { code, message, hint, details } = error;
  const text = JSON.stringify({ code, message, hint, details });
  return { content: [{ type: "text", text }], isError: true };
}

/** Drops the values that are undefined. */
export const given = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
