import { MayflyError } from "./errors.ts";

/** The error for an invalid value. The SDK returns it before it does anything. */
export const invalid = (field: string, rule: string) =>
  new MayflyError({
    code: "invalid_request",
    message: `${field || "memory"}: ${rule}`,
    hint: "Nothing was done.",
    details: { field },
  });

/** A page has 1 to 1,000 rows. If you ask for more, the Data API silently returns a thousand. */
export const wrongPage = (field: string, value: number | undefined): MayflyError | null =>
  value === undefined || (Number.isInteger(value) && value >= 1 && value <= 1_000)
    ? null
    : invalid(field, "must be a whole number from 1 to 1000");

/**
 * Converts a time to the form in which it is sent. Passes on an invalid time, and the server then refuses
 * it.
 */
export function instantOf(value: Date): string {
  const isInstant = value instanceof Date && !Number.isNaN(value.getTime());
  return isInstant ? value.toISOString() : String(value);
}

/** The error of a call that needs a tenant, if the caller named none. */
export const noTenant = (what: string) =>
  new MayflyError({
    code: "tenant_unknown",
    message: `${what} needs a tenant.`,
    hint: "Pass its id: new Mayfly({ tenant }).",
    details: null,
  });

/** The error when the caller's storage, such as a folder or IndexedDB, fails. */
export const storageFailed = (message: string, hint: string | null, cause?: unknown) =>
  new MayflyError(
    { code: "storage_failed", message, hint, details: null },
    cause === undefined ? undefined : { cause },
  );
