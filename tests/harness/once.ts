/** What the processes of one run of the tests share: the first that needs a thing makes it, and the others wait for it. */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The folder of this run, for its processes. */
const noted = "MAYFLY_TEST_RUN";

/** @returns a function that removes everything that was shared. */
export async function beginRun(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "mayfly-run-"));
  process.env[noted] = folder;
  return () => rm(folder, { recursive: true, force: true });
}

/**
 * Makes sure that only one process of a run does the work of this name at a time. Outside of a run, nobody
 * waits.
 */
export async function inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
  const run = process.env[noted];
  if (!run) return work();
  // Only one process can make the folder, and the others wait. If that process is killed, the run fails anyway.
  const turn = join(run, `${name}.turn`);
  const isTaken = () =>
    mkdir(turn).then(
      () => false,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
        return true;
      },
    );
  while (await isTaken()) await new Promise((resolve) => setTimeout(resolve, 100));
  try {
    return await work();
  } finally {
    await rm(turn, { recursive: true });
  }
}

/**
 * Calls `make` once in each run, however many files and processes ask, and returns its result. If `make`
 * fails, the next caller tries again.
 *
 * @param make gets an empty folder. Its result is kept as JSON. Nobody may change the files that it has made.
 */
export async function once<T>(name: string, make: (folder: string) => Promise<T>): Promise<T> {
  const run = process.env[noted];
  if (!run) throw new Error("No run of the tests has begun in this process or in its parent.");
  const folder = join(run, name);
  const made = () => readFile(`${folder}.json`, "utf8").catch(() => null);
  const text =
    (await made()) ??
    (await inTurn(name, async () => {
      const found = await made();
      if (found !== null) return found;
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder);
      const result = JSON.stringify(await make(folder));
      await writeFile(`${folder}.draft`, result);
      await rename(`${folder}.draft`, `${folder}.json`);
      return result;
    }));
  return JSON.parse(text) as T;
}
