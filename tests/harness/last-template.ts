/**
 * Remembers the template that was made last, and the objects in it. If only functions, triggers, policies,
 * grants or comments have changed since then, the new template is a copy of the last one, to which these
 * changes are applied. This saves time: the next release's migration has 1.3 MB, and applying it takes 0.7 s
 * on Postgres and 2.5 s on PGlite.
 */
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { objectsIn, readSources } from "../../scripts/sql/releases.ts";
import { changesBetween, type KnownObject } from "../../scripts/sql/source-changes.ts";
import { root, type Stages } from "./sources.ts";

type Kind = "pglite" | "postgres";

interface Last {
  /** The digest of the releases from which the template was made. */
  released: string;
  /** The digest of the template itself. */
  current: string;
  /** The text of the hand parts of the next release. If it has changed, the last template cannot be used. */
  byHand: string;
  objects: KnownObject[];
}

const cache = join(root, "node_modules/.cache");
const fileOf = (kind: Kind) => join(cache, `mayfly-last-${kind}.json`);

async function handwritten(): Promise<string> {
  const folder = join(root, "sql/upgrades");
  const files = (await readdir(folder, { recursive: true })).filter((file) =>
    file.endsWith(".sql"),
  );
  const texts = files.sort().map((file) => readFile(join(folder, file), "utf8"));
  return (await Promise.all(texts)).join("\n");
}

/**
 * Which template to copy, and which statements then bring the copy up to the current sources. Returns `null`
 * if the template has to be made from the releases.
 */
export async function changesSinceLast(
  kind: Kind,
  { released }: Stages,
): Promise<{ stage: string; statements: string[] } | null> {
  const text = await readFile(fileOf(kind), "utf8").catch(() => null);
  if (text === null) return null;
  const last = JSON.parse(text) as Last;
  if (last.released !== released || last.byHand !== (await handwritten())) return null;
  const statements = changesBetween(last.objects, objectsIn(await readSources(root)));
  return statements && { stage: last.current, statements };
}

export async function noteLast(kind: Kind, { released, current }: Stages): Promise<void> {
  const objects = objectsIn(await readSources(root)).map(
    ({ key, about, durable, hash, head }): KnownObject => ({
      key,
      about,
      durable,
      hash,
      ...(head !== undefined && { head }),
    }),
  );
  const last: Last = { released, current, byHand: await handwritten(), objects };
  await mkdir(cache, { recursive: true });
  const draft = `${fileOf(kind)}.${process.pid}`;
  await writeFile(draft, JSON.stringify(last));
  await rename(draft, fileOf(kind));
}
