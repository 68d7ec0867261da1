import { access, constants, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

const reasons: Record<string, string> = {
  EEXIST: "it is a file",
  ENOTDIR: "it is below a file",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "its disk is read-only",
  ENOENT: "nothing can be created there",
  ENOSPC: "its disk is full",
};

/**
 * Creates the data folder if it does not exist.
 *
 * @throws an error that says in one sentence why it cannot be used.
 */
export async function openDataFolder(folder: string): Promise<void> {
  try {
    await make(folder);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    const reason = reasons[code] ?? message;
    throw new Error(`The data folder ${folder} cannot be used: ${reason}.`, { cause: error });
  }
}

/**
 * Creates one level at a time, because Node's recursive mkdir never returns under /proc (24.21).
 */
async function make(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found?.isDirectory()) return;
  if (!found && dirname(folder) !== folder) await make(dirname(folder));
  await mkdir(folder, { mode: 0o700 }).catch(async (error: NodeJS.ErrnoException) => {
    // Another start may have made this folder meanwhile.
    if (error.code !== "EEXIST" || !(await stat(folder)).isDirectory()) throw error;
  });
}
