import type { Result } from "@mayfly/sdk";

/** What was answered; a refusal is thrown, as LangGraph expects it. */
export function given<T>({ data, error }: Result<T>): T {
  if (error) throw error;
  return data as T;
}
