/**
 * What to do. The embedded Supabase has no dashboard and needs no deploying, so some hints differ there.
 * `embedded` gets the command that starts the embedded Supabase, and returns the hint for it.
 */
export type Hint = string | { hosted: string; embedded: (start: string) => string };

/** One check of the doctor. */
export interface Finding {
  check: string;
  state: "ok" | "warning" | "error" | "skipped";
  message: string;
  /** What to do about it. Null if there is nothing to do. */
  hint: Hint | null;
  /** Why the embedded Supabase does not need this check. Undefined if the check runs everywhere. */
  onlyHosted?: string;
}

export const fine = (check: string, message: string): Finding => ({
  check,
  state: "ok",
  message,
  hint: null,
});
export const warning = (
  check: string,
  message: string,
  hint: Hint,
  onlyHosted?: string,
): Finding => ({
  check,
  state: "warning",
  message,
  hint,
  ...(onlyHosted && { onlyHosted }),
});
export const wrong = (check: string, message: string, hint: Hint): Finding => ({
  check,
  state: "error",
  message,
  hint,
});
export const skipped = (check: string, message: string): Finding => ({
  check,
  state: "skipped",
  message,
  hint: null,
});

/** @param start the command that starts the embedded Supabase. Null for any other project. */
export const hintAt = (hint: Hint, start: string | null): string =>
  typeof hint === "string" ? hint : start === null ? hint.hosted : hint.embedded(start);

/** A finding about one project, as people and programs see it. */
export interface ShownFinding extends Omit<Finding, "hint" | "onlyHosted"> {
  hint: string | null;
  /** @deprecated The name of `hint` until 0.3. */
  mend: string | null;
}

/** @param start the command that starts the embedded Supabase. Null for any other project. */
export function shownAt(finding: Finding, start: string | null): ShownFinding {
  const { onlyHosted } = finding;
  if (start !== null && finding.state === "warning" && onlyHosted)
    return shownAt(
      skipped(finding.check, `${onlyHosted}. Check it on your hosted project.`),
      start,
    );
  const { check, state, message } = finding;
  const hint = finding.hint === null ? null : hintAt(finding.hint, start);
  return { check, state, message, hint, mend: hint };
}
