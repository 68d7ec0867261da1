import type { FoundFile } from "./scan.ts";

/**
 * Shares files out so that everybody has about as much to read: the largest first, each to whoever
 * has the least. No share is empty; with fewer files than readers there are fewer shares.
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
