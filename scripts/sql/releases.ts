/** `sql/releases.json`: the contents of each release, and which one is being made. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { boundFiles } from "./bounds.ts";
import type { SqlObject } from "./objects.ts";
import { faultsOf, inOrder, type Rooms, type SqlFile } from "./order.ts";
import { closing, type Released, releasedOf, upgradeFrom } from "./upgrade.ts";
import { deprecatedFaults, nextNumber, versionFiles, writeFiles } from "./versions.ts";

export interface Releases {
  /** From the first to the last. */
  released: { version: string; migrations: Record<string, string>; objects: Released }[];
  /** The next release, whose migrations each build still makes from the sources. */
  next: { version: string; number: string };
}

const path = "sql/releases.json";
const folder = "supabase/migrations";

export const readRooms = async (root: string): Promise<Rooms> =>
  JSON.parse(await readFile(join(root, "sql/rooms.json"), "utf8")) as Rooms;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export const readReleases = async (root: string): Promise<Releases> =>
  JSON.parse(await readFile(join(root, path), "utf8")) as Releases;

/** The SQL sources in an order in which they can be applied. */
export async function readSources(root: string): Promise<SqlFile[]> {
  const { rooms } = await readRooms(root);
  const found = await readdir(join(root, "sql"), { recursive: true });
  const paths = found
    .map((path) => `sql/${path.replaceAll("\\", "/")}`)
    .filter((path) => /^sql\/\w+\/.*\.sql$/.test(path))
    .filter((path) => !/\/(inspect|upgrades)\//.test(path));
  // A thousand small files are read one after the other, because reading them all at once takes
  // three times as long.
  const sources = paths
    .sort()
    .map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
  return inOrder(sources, rooms);
}

/** The objects of the sources, in their order. */
export const objectsIn = (sources: SqlFile[]): SqlObject[] =>
  sources.flatMap(({ objects }) => objects);

/** The migrations of the next release by path. Empty if it changes nothing yet. */
async function nextMigrations(
  root: string,
  releases: Releases,
  sources: SqlFile[],
): Promise<Map<string, string>> {
  const { version, number } = releases.next;
  const last = releases.released.at(-1);
  const suffix = last ? `_${version.replaceAll(".", "_")}` : "";
  const main = `${folder}/${number}_mayfly${suffix}.sql`;
  const realtime = `${folder}/${BigInt(number) + 1n}_mayfly_realtime${suffix}.sql`;
  const made = new Map<string, string>();
  if (!last)
    return made
      .set(main, `${whole(sources, false)}\n${closing}\n`)
      .set(realtime, whole(sources, true));

  const upgrade = upgradeFrom(last.objects, objectsIn(sources), await byHand(root, version));
  if (upgrade.main.length > 0) made.set(main, `${upgrade.main.join("\n\n")}\n`);
  if (upgrade.realtime.length > 0) made.set(realtime, `${upgrade.realtime.join("\n\n")}\n`);
  return made;
}

/** The handwritten parts of a release, `sql/upgrades/<version>/<room>.sql`, in the order of the rooms. */
async function byHand(root: string, version: string): Promise<string | null> {
  const folder = join(root, "sql/upgrades", version);
  const { rooms } = await readRooms(root);
  const files = await readdir(folder).catch(() => [] as string[]);
  const stray = files.find((file) => !rooms.includes(file.replace(/\.sql$/, "")));
  if (stray) throw new Error(`sql/upgrades/${version}/${stray} is named after no room.`);
  const parts = rooms.filter((room) => files.includes(`${room}.sql`));
  const texts = await Promise.all(
    parts.map((room) => readFile(join(folder, `${room}.sql`), "utf8")),
  );
  return texts.length > 0 ? texts.join("\n") : null;
}

/** The SQL of all objects, or only of those in the schema `realtime`, which need a migration of their own. */
function whole(sources: SqlFile[], ofRealtime: boolean): string {
  return sources
    .filter(({ objects }) => objects.some((o) => o.realtime) === ofRealtime)
    .map(({ file, text }) => `-- ${file}\n\n${text}`)
    .join("\n");
}

/**
 * Makes the next release's migrations, or finds what is wrong: a changed or missing file of a
 * release, a migration of no release, or, with `check`, a migration that differs from the sources.
 *
 * @returns what was written, and what is wrong, one sentence each.
 */
export async function buildMigrations(root: string, check: boolean) {
  const releases = await readReleases(root);
  const { version } = releases.next;
  const stale = await versionFiles(root, version, releases.released.at(-1)?.version ?? version);
  const bounds = await boundFiles(root);
  if (!check) await writeFiles(root, new Map([...stale, ...bounds]));
  const sources = await readSources(root);
  const wrong = [
    ...(await changedSince(root, releases)),
    ...faultsOf(sources, await readRooms(root)),
    ...deprecatedFaults(sources, version),
  ];
  const written = check ? [] : [...stale.keys(), ...bounds.keys()];
  if (check)
    for (const file of bounds.keys())
      wrong.push(`${file} has a bound that is not the contract's: run npm run build:migrations`);
  if (check)
    for (const file of stale.keys())
      wrong.push(`${file} does not say ${version}: run npm run build:migrations`);
  const made = await nextMigrations(root, releases, sources);
  for (const [file, text] of made) {
    const present = await readFile(join(root, file), "utf8").catch(() => "");
    if (text === present) continue;
    if (check) wrong.push(`${file} is not what sql/ gives: run npm run build:migrations`);
    else await writeFile(join(root, file), text);
    written.push(file);
  }
  const known = new Set([
    ...made.keys(),
    ...releases.released.flatMap((r) => Object.keys(r.migrations)),
  ]);
  for (const name of await readdir(join(root, folder))) {
    const file = `${folder}/${name}`;
    if (known.has(file)) continue;
    if (!check && name.startsWith(releases.next.number.slice(0, 8))) await rm(join(root, file));
    else wrong.push(`${file} belongs to no release.`);
  }
  return { written: check ? [] : written, wrong };
}

async function changedSince(root: string, { released }: Releases): Promise<string[]> {
  const wrong: string[] = [];
  for (const { version, migrations } of released)
    for (const [file, hash] of Object.entries(migrations)) {
      const text = await readFile(join(root, file), "utf8").catch(() => null);
      if (text === null) wrong.push(`${file} is gone, and ${version} was released with it.`);
      else if (sha256(text) !== hash)
        wrong.push(`${file} was released with ${version} and cannot change: change sql/ instead.`);
    }
  return wrong;
}

/**
 * Freezes the next release, and starts the release after that. Writes the version of the new release
 * into every file that has one, and makes its first migration, which records the version in the
 * database.
 *
 * @returns the released version.
 */
export async function release(root: string, following: string, today: Date): Promise<string> {
  const releases = await readReleases(root);
  const { wrong } = await buildMigrations(root, true);
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  const { version } = releases.next;
  if (following.localeCompare(version, "en", { numeric: true }) <= 0)
    throw new Error(`The release after ${version} has a higher version than ${following}.`);
  const migrations: Record<string, string> = {};
  const sources = await readSources(root);
  for (const [file, text] of await nextMigrations(root, releases, sources))
    if (file.startsWith(folder)) migrations[file] = sha256(text);
  releases.released.push({ version, migrations, objects: releasedOf(objectsIn(sources)) });
  releases.next = {
    version: following,
    number: await nextNumber(join(root, folder), today),
  };
  await writeFile(join(root, path), `${JSON.stringify(releases, null, 2)}\n`);
  await buildMigrations(root, false);
  return version;
}
