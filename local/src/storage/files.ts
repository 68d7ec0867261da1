import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { constants, copyFile, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { problems } from "./answers.ts";

/** The metadata of a written file. */
export interface Written {
  size: number;
  /** The ETag, with quotes. */
  eTag: string;
}

/**
 * The bytes of objects, in one file for each version, named by the version's id. The object's name
 * is only in the database, so no name can lead out of the folder.
 */
export interface Files {
  /**
   * @throws StorageProblem if the content has more bytes than the limit. The bytes after the limit are
   * read and dropped.
   */
  write(id: string, body: AsyncIterable<Uint8Array>, limit: number): Promise<Written>;
  read(id: string, from: number, to: number): ReadableStream;
  copy(id: string, to: string): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
  /** Removes files without an object, which a process that was killed has left. */
  sweep(known: ReadonlySet<string>): Promise<void>;
  close(): Promise<void>;
}

/** Opens the files in a folder. By default, this is a temporary folder, which is removed at the end. */
export function openFiles(folder: string | undefined): Files {
  let root: Promise<string> | undefined;
  const open = () => {
    root ??= folder
      ? mkdir(folder, { recursive: true, mode: 0o700 }).then(() => folder)
      : mkdtemp(join(tmpdir(), "mayfly-storage-"));
    return root;
  };
  const pathOf = async (id: string) => join(await open(), id);
  const remove = async (ids: readonly string[]) => {
    for (const id of ids) await rm(await pathOf(id), { force: true });
  };

  return {
    async write(id, body, limit) {
      const hash = createHash("md5");
      let size = 0;
      async function* counted() {
        for await (const chunk of body) {
          size += chunk.length;
          if (size > limit) continue;
          hash.update(chunk);
          yield chunk;
        }
      }
      const path = await pathOf(id);
      try {
        // The file must be on disk before the row that names it, because a row without its file
        // could never be read.
        await pipeline(counted, createWriteStream(path, { mode: 0o600, flush: true }));
        if (size > limit) throw problems.tooLarge();
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      }
      return { size, eTag: `"${hash.digest("hex")}"` };
    },
    read(id, from, to) {
      const bytes = async function* () {
        if (to >= from) yield* createReadStream(await pathOf(id), { start: from, end: to });
      };
      return Readable.toWeb(Readable.from(bytes(), { objectMode: false })) as ReadableStream;
    },
    async copy(id, to) {
      await copyFile(await pathOf(id), await pathOf(to), constants.COPYFILE_FICLONE);
    },
    remove,
    async sweep(known) {
      const names = await readdir(await open());
      await remove(names.filter((name) => !known.has(name)));
    },
    async close() {
      if (!folder && root) await rm(await root, { recursive: true, force: true });
    },
  };
}
