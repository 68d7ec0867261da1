import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
// The file lock is that of the SDK, so that there is only one implementation. This import does not
// load the rest of the SDK.
import { type FileLock, LockHeld, lockFile } from "../../../sdk/src/outbox/file-lock.ts";
import type { Logger } from "../log.ts";

const MAJOR = "17";

/** A locked data folder. `pgdata/` is the cluster, and `mayfly.lock` says who holds it. */
export interface Folder {
  root: string;
  pgdata: string;
  hasCluster: boolean;
  /**
   * Call this when the new cluster is complete. Without this call, the next start deletes the
   * cluster.
   */
  made: () => void;
  release: () => Promise<void>;
}

/**
 * Opens the folder for this process only, or throws an error that says why not. PGlite itself would
 * silently open a folder twice, and two backends destroy it.
 *
 * @param onLost called when another process has taken over the folder. Nothing may be written after
 * that.
 */
export async function openFolder(
  dataDir: string,
  log: Logger,
  onLost: (error: Error) => void,
): Promise<Folder> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const root = realpathSync(dataDir);
  const what = `The data folder ${root}`;
  if (existsSync(join(root, "PG_VERSION"))) {
    throw new Error(`${what} is itself a Postgres cluster. Choose a folder that Mayfly may fill.`);
  }
  const lock = await lockFolder(root, what, log, onLost);
  try {
    return { ...openCluster(root, what), root, release: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function lockFolder(
  root: string,
  what: string,
  log: Logger,
  onLost: (error: Error) => void,
): Promise<FileLock> {
  try {
    return await lockFile(join(root, "mayfly.lock"), {
      onLost,
      onWatch: ({ pid, host }, ms) =>
        log.info(
          `${what} was opened by the process with pid ${pid} on ${host}: waiting up to ${ms / 1000} s to see whether it is still alive`,
        ),
    });
  } catch (error) {
    if (!(error instanceof LockHeld)) throw error;
    const { pid, host } = error.holder;
    throw new Error(
      `${what} is in use by the process with pid ${pid} on ${host}. Stop it, or choose another folder with --data.`,
      {
        cause: error,
      },
    );
  }
}

/** A process that was killed during initdb has left an incomplete cluster, which nobody has used yet. */
function openCluster(root: string, what: string): Pick<Folder, "pgdata" | "hasCluster" | "made"> {
  const pgdata = join(root, "pgdata");
  const unfinished = join(root, "pgdata.unfinished");
  const made = () => rmSync(unfinished, { force: true });
  if (existsSync(unfinished)) rmSync(pgdata, { recursive: true, force: true });
  if (!existsSync(pgdata)) {
    writeFileSync(unfinished, "");
    return { pgdata, hasCluster: false, made };
  }
  const versionFile = join(pgdata, "PG_VERSION");
  if (!existsSync(versionFile)) throw new Error(damaged(root, "it has no PG_VERSION"));
  const version = readFileSync(versionFile, "utf8").trim();
  if (version !== MAJOR) {
    throw new Error(
      `${what} was made by Postgres ${version}, but this is Postgres ${MAJOR}. Choose another folder with --data, or move it away.`,
    );
  }
  return { pgdata, hasCluster: true, made };
}

/** The error message for a cluster that does not boot. */
export const damaged = (root: string, why: string): string =>
  `The database in ${root} is damaged and cannot be opened (${why}). Move it away to start with an empty one.`;
