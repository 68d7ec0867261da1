import postgres from "postgres";
import type { Answer } from "./transport.ts";

/** Errors for which the Data API answers 500 or above. The others are the caller's fault. */
const serverFault = /^(?:09|25|2D|38|39|3B|40|53|54|55|57|58|F0|HV|P0|XX|08)|^42P17$/;

/** The answer that the Data API would give to this failure. */
export function answerOf(error: unknown): Answer {
  if (!(error instanceof postgres.PostgresError)) return unreached(error);
  const { code, message, detail = null, hint = null } = error;
  const raised = code === "PGRST" ? objectOf(message) : undefined;
  if (raised) {
    const { status } = objectOf(String(detail)) ?? {};
    return { data: null, error: raised, status: Number(status) || 500 };
  }
  const status = code === "P0001" || !serverFault.test(code) ? 400 : 500;
  return { data: null, error: { code, message, details: detail, hint }, status };
}

/**
 * The answer if it is not known whether the call was made. The driver's error may contain the host, but never
 * the password.
 */
export function unreached(error: unknown): Answer {
  const { message, errors, code } = Object(error) as {
    message?: string;
    code?: string;
    errors?: { message?: string }[];
  };
  const said = message || errors?.[0]?.message || code || "the connection was lost";
  return { data: null, error: { message: said }, status: 0 };
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
