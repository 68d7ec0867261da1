import { MayflyError } from "./errors.ts";

/** What the SDK refuses itself, before anything was done. */
export const invalid = (field: string, rule: string) =>
  new MayflyError({
    code: "invalid_request",
    message: `${field || "memory"}: ${rule}`,
    hint: "Nothing was done.",
    details: { field },
  });

/** The rows of a page are 1 to 1,000: of more the Data API would give a thousand, and say nothing. */
export const wrongPage = (field: string, value: number | undefined): MayflyError | null =>
  value === undefined || (Number.isInteger(value) && value >= 1 && value <= 1_000)
    ? null
    : invalid(field, "must be a whole number from 1 to 1000");

/** An instant as it is sent; what is none as it is, to be refused by its name. */
export function instantOf(value: Date): string {
  const isInstant = value instanceof Date && !Number.isNaN(value.getTime());
  return isInstant ? value.toISOString() : String(value);
}

/** What only a caller with a tenant can do, asked of one that has named none. */
export const noTenant = (what: string) =>
  new MayflyError({
    code: "tenant_unknown",
    message: `${what} needs a tenant.`,
    hint: "Pass its id: new Mayfly({ tenant }).",
    details: null,
  });

/** What keeps the caller's own data, such as a folder or IndexedDB, did not. */
export const storageFailed = (message: string, hint: string | null, cause?: unknown) =>
  new MayflyError(
    { code: "storage_failed", message, hint, details: null },
    cause === undefined ? undefined : { cause },
  );
