/**
 * Errors of calls that the database has rolled back and that may succeed later. Each entry has the code in
 * the Data API's answer, the reason, and what the caller can do.
 */
const reasons: [RegExp, string, string][] = [
  [
    /^57014$/,
    "The database stopped this call, because it took longer than a statement may take.",
    "Try again, or ask for less in one call.",
  ],
  [/^40/, "Other calls changed the same rows at the same time.", "Try again."],
];

/** The error for such a call, or undefined if the answer is about something else. */
export function unfinishedCall({ code = "" }: { code?: string }) {
  const [, message, hint] = reasons.find(([codes]) => codes.test(code)) ?? [];
  if (!message || !hint) return undefined;
  return {
    code: "unavailable",
    message: `${message} Nothing was done.`,
    hint,
    details: null,
  } as const;
}
