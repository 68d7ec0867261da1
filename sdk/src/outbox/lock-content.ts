/** The file of a lock (`file-lock.ts`), its content, and how to read and create it. */
import type { ProcessIdentity } from "./process-identity.ts";

export type Fs = typeof import("node:fs/promises");

/** The content of a lock file. */
export interface Content extends ProcessIdentity {
  token: string;
  /** Always the same number of digits, so that a beat can overwrite them in place. */
  beat?: string;
}

/** A lock file that was read. */
export interface Found extends Content {
  text: string;
  modifiedMs: number;
}

export const beatOf = (count: number) => String(count).padStart(12, "0");

export const codeOf = (error: unknown) => (error as { code?: string }).code;

/** Writes a new file. Fails with EEXIST if there already is one. */
export async function writeNew(fs: Fs, path: string, content: Content): Promise<void> {
  const file = await fs.open(path, "wx", 0o600);
  try {
    await file.writeFile(JSON.stringify(content));
    await file.datasync();
  } catch (error) {
    await fs.rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Reads a lock file. Returns null if there is none. */
export async function read(fs: Fs, path: string): Promise<Found | null> {
  try {
    const file = await fs.open(path, "r");
    try {
      const text = await file.readFile("utf8");
      return { ...parse(text), text, modifiedMs: (await file.stat()).mtimeMs };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/**
 * Stands for a lock that cannot be read. Without hard links, a lock is empty for a moment, and a power
 * failure can leave it empty.
 */
export const unreadable: Content = {
  ...{ token: "unreadable", pid: 0, host: "an unknown host" },
  ...{ started: "", boot: "", namespace: "" },
};

export function parse(text: string): Content {
  try {
    const content = JSON.parse(text) as Partial<Content>;
    const { token, pid, host = "this host", started = "", boot = "", namespace = "" } = content;
    if (typeof pid !== "number" || !/^[\w-]+$/.test(token ?? "")) return unreadable;
    const { beat } = content;
    return { token: token ?? "", pid, host, started, boot, namespace, ...(beat && { beat }) };
  } catch {
    return unreadable;
  }
}
