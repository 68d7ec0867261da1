import type { FoundFile } from "./scan.ts";

/**
 * Distributes files so that all readers have about the same amount to read. The largest files come
 * first, and each goes to the reader who has the least so far. No share is empty: if there are fewer
 * files than readers, there are only as many shares as files.
 */
export function shareOut(files: readonly FoundFile[], readers: number): FoundFile[][] {
  const shares = Array.from({ length: Math.min(readers, files.length) }, () => ({
    bytes: 0,
    files: [] as FoundFile[],
  }));
  for (const file of files.toSorted((a, b) => b.bytes - a.bytes)) {
    const lightest = shares.reduce((a, b) =>
      b.bytes < a.bytes || (b.bytes === a.bytes && b.files.length < a.files.length) ? b : a,
    );
    lightest.files.push(file);
    lightest.bytes += file.bytes;
  }
  return shares.map((share) => share.files.toSorted((a, b) => (a.path < b.path ? -1 : 1)));
}
