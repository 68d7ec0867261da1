/** One check of the doctor. */
export interface Finding {
  check: string;
  state: "ok" | "warning" | "error" | "skipped";
  message: string;
  /** What to do about it. Null if there is nothing to do. */
  mend: string | null;
}

export const fine = (check: string, message: string): Finding => ({
  check,
  state: "ok",
  message,
  mend: null,
});
export const warning = (check: string, message: string, mend: string): Finding => ({
  check,
  state: "warning",
  message,
  mend,
});
export const wrong = (check: string, message: string, mend: string): Finding => ({
  check,
  state: "error",
  message,
  mend,
});
export const skipped = (check: string, message: string): Finding => ({
  check,
  state: "skipped",
  message,
  mend: null,
});
