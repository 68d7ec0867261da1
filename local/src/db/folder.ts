import { existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { lock } from "./lock.ts";

const MAJOR = "17";

/** A locked data folder: `pgdata/` is the cluster, `mayfly.lock` says who has it. */
export interface Folder {
  pgdata: string;
  hasCluster: boolean;
  release: () => void;
}

/** Opens the folder for this process alone, or says in one sentence why not. */
export function openFolder(dataDir: string): Folder {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const root = realpathSync(dataDir);
  const what = `The data folder ${root}`;
  if (existsSync(join(root, "PG_VERSION"))) {
    throw new Error(`${what} is a Postgres cluster itself; name a folder that Mayfly may fill.`);
  }
  const release = lock(join(root, "mayfly.lock"), what);
  const pgdata = join(root, "pgdata");
  const versionFile = join(pgdata, "PG_VERSION");
  const hasCluster = existsSync(versionFile);
  if (hasCluster) {
    const version = readFileSync(versionFile, "utf8").trim();
    if (version !== MAJOR) {
      release();
      throw new Error(`${what} was made by Postgres ${version}; this is Postgres ${MAJOR}.`);
    }
  }
  return { pgdata, hasCluster, release };
}
