import { problems } from "./answers.ts";

// The characters that S3 accepts safely, as on hosted projects.
const keyForm = /^[A-Za-z0-9_/!.*'() &$=@;:+,?-]+$/;
const bucketForm = /^[A-Za-z0-9_!.*'() &$=@;:+,?-]{1,100}$/;
const mimeForm = /^([a-zA-Z0-9\-+.]+)\/([a-zA-Z0-9\-+.]+)(;\s*charset=[a-zA-Z0-9-]+)?$|\*$/;

/** @throws StorageProblem */
export function checkKey(key: string): void {
  if (!keyForm.test(key)) throw problems.key(key);
}

/** @throws StorageProblem */
export function checkBucketName(name: string): void {
  if (name.trim() !== name || !bucketForm.test(name)) throw problems.bucketName();
}

/** @throws StorageProblem */
export function checkMimeTypes(types: readonly string[]): void {
  for (const type of types)
    if (type.length > 1000 || !mimeForm.test(type)) throw problems.mimeType(type);
}

/**
 * Whether a bucket that allows these types accepts a file of this type. `image/*` allows every
 * image.
 */
export function isAllowed(type: string, allowed: readonly string[]): boolean {
  if (allowed.length === 0) return true;
  const [kind, of] = type.split("/");
  return allowed.some((each) => {
    const [allowedKind, allowedOf] = each.split("/");
    return of !== undefined && allowedKind === kind && (allowedOf === "*" || allowedOf === of);
  });
}

const units: Record<string, number> = { gb: 1e9, mb: 1e6, kb: 1e3, b: 1 };

/** The bytes of a bucket's limit such as `20MB`. @throws StorageProblem */
export function bytesOf(size: unknown): number {
  if (typeof size === "number") return size;
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(gb|mb|kb|b)$/i.exec(String(size)) ?? [];
  if (number === undefined) throw problems.sizeFormat();
  return Number(Number.parseFloat(number).toPrecision(3)) * (units[unit.toLowerCase()] ?? 1);
}

/** The dashboard creates an empty file with this name to show an empty folder. */
export const isPlaceholder = (name: string): boolean => name.endsWith(".emptyFolderPlaceholder");
