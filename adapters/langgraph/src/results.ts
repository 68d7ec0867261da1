import type { Result } from "@mayfly/sdk";

/** Returns the data of a result, or throws its error, because LangGraph expects that. */
export function given<T>({ data, error }: Result<T>): T {
  if (error) throw error;
  return data as T;
}
