import type { Dirent } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { isText, type SkipReason, saysGenerated, skipByName, skipFolder } from "./classify.ts";
import { Ignores } from "./ignores.ts";

/** Files that people write are seldom longer than this. Longer files are mostly data. */
export const HUGE_BYTES = 512 * 1024;
const HEAD_BYTES = 8192;

export interface FoundFile {
  /** Relative to the folder, with `/`. */
  path: string;
  bytes: number;
}

export interface Scan {
  files: FoundFile[];
  skipped: Map<SkipReason, number>;
  /** Files and folders that could not be read, so their current content is unknown. */
  unreadable: string[];
}

/**
 * Finds the text files of a folder. Folders that are ignored or hidden, and node_modules, are not
 * entered. Each of them counts as one skipped entry. Links are not followed.
 */
export async function scan(folder: string, signal?: AbortSignal): Promise<Scan> {
  const found: Scan = { files: [], skipped: new Map(), unreadable: [] };
  const ignores = await Ignores.around(folder);
  await walk(folder, { root: folder, ignores, found, signal });
  found.files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return found;
}

interface Walk {
  root: string;
  ignores: Ignores;
  found: Scan;
  signal: AbortSignal | undefined;
}

async function walk(folder: string, state: Walk): Promise<void> {
  state.signal?.throwIfAborted();
  const ignores = await state.ignores.within(folder);
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch {
    skip(state, folder, "unreadable");
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name === ".git") continue;
      const reason = ignores.test(path, true) ? "ignored" : skipFolder(entry.name);
      if (reason) skip(state, path, reason);
      else await walk(path, { ...state, ignores });
      continue;
    }
    const reason = await look(path, entry, ignores);
    if (typeof reason === "string") skip(state, path, reason);
    else state.found.files.push({ path: named(state, path), bytes: reason.bytes });
  }
}

async function look(
  path: string,
  entry: Dirent,
  ignores: Ignores,
): Promise<SkipReason | { bytes: number }> {
  if (entry.isSymbolicLink()) return "link";
  if (!entry.isFile()) return "special";
  if (ignores.test(path, false)) return "ignored";
  if (ignores.isGenerated(path)) return "generated";
  const byName = skipByName(path);
  if (byName) return byName;
  try {
    const { size } = await lstat(path);
    if (size > HUGE_BYTES) return "huge";
    const head = await readHead(path);
    if (!isText(head, size <= HEAD_BYTES)) return "binary";
    return saysGenerated(head) ? "generated" : { bytes: size };
  } catch {
    return "unreadable";
  }
}

async function readHead(path: string): Promise<Uint8Array> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
  return buffer.subarray(0, bytesRead);
}

function skip(state: Walk, path: string, reason: SkipReason): void {
  state.found.skipped.set(reason, (state.found.skipped.get(reason) ?? 0) + 1);
  if (reason === "unreadable") state.found.unreadable.push(named(state, path));
}

function named(state: Walk, path: string): string {
  return relative(state.root, path).split(sep).join("/");
}
