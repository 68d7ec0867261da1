/**
 * Recognises answers of the Data API that mean that the database is older than its caller (the SDK or
 * the edge functions).
 */
import { version } from "./version.ts";

/**
 * Codes that mean that a relationship, a function with these parameters, a column or a table does not
 * exist.
 */
const lacking = /^PGRST20[0245]$|^42703$|^42P01$/;
const callers = { sdk: "this SDK", functions: "the edge functions" };

/** The error for such an answer, or undefined if the answer is about something else. */
export function olderDatabase(
  answer: { code?: string; message: string },
  caller: keyof typeof callers,
) {
  if (!lacking.test(answer.code ?? "")) return undefined;
  const [, column, name = column] =
    /'([\w.]+)' column|\b(?:function|table|relation|column) ['"]?([\w.]+)/.exec(answer.message) ??
    [];
  return {
    code: "version_unsupported",
    message: `The database is older than ${callers[caller]}, version ${version}: it does not have ${name ?? "what was called"} in this form.`,
    hint: "Run npx supabase db push with the migrations of this version. npx mayfly doctor shows what is deployed.",
    details: { [caller]: version, missing: name ?? answer.message },
  } as const;
}
