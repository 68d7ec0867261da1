/** `npm run release` in a clone of the repository, and what is different afterwards. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const repository = join(import.meta.dirname, "../..");
const run = promisify(execFile);

let clone: string;
let version: string;
let following: string;
beforeAll(async () => {
  clone = await mkdtemp(join(tmpdir(), "mayfly-clone-"));
  // The clone gets the files of the work tree, so that uncommitted changes are tested too.
  const options = { cwd: repository, maxBuffer: 64_000_000 };
  const { stdout } = await run("git", ["ls-files", "-z", "-co", "--exclude-standard"], options);
  for (const file of stdout.split("\0"))
    if (file && existsSync(join(repository, file)))
      await cp(join(repository, file), join(clone, file));
  await symlink(join(repository, "node_modules"), join(clone, "node_modules"));
  await git("init", "--quiet");
  await git("add", "--all");
  await git("commit", "--quiet", "--message", "As it is");
  ({ version } = (await releases()).next);
  const [major, minor] = version.split(".");
  following = `${major}.${Number(minor) + 1}.0`;
});
afterAll(() => rm(clone, { recursive: true, force: true }));

const identity = ["-c", "user.name=A test", "-c", "user.email=test@example.com"];
const git = async (...words: string[]) =>
  (await run("git", [...identity, ...words], { cwd: clone })).stdout;
const npm = (...words: string[]) => run("npm", words, { cwd: clone });
const releases = async () =>
  JSON.parse(await readFile(join(clone, "sql/releases.json"), "utf8")) as {
    released: { version: string; migrations: Record<string, string> }[];
    next: { version: string; number: string };
  };
/** The check of migrations in `npm run check`: whether it passes, and what it says. */
const check = () =>
  run(process.execPath, ["scripts/build-migrations.ts", "--check"], { cwd: clone }).then(
    () => "",
    (error: { stderr: string }) => error.stderr,
  );

describe("npm run release", () => {
  it("requires the next version, which must be higher", async () => {
    await expect(npm("run", "release")).rejects.toMatchObject({
      stderr: expect.stringContaining("Name the version that comes after this release"),
    });
    await expect(npm("run", "release", "--", version)).rejects.toMatchObject({
      stderr: expect.stringContaining(`has a higher version than ${version}`),
    });
    expect(await git("status", "--porcelain")).toBe("");
  });

  it("freezes the current migrations, and starts the next release everywhere", async () => {
    const { stdout } = await npm("run", "release", "--", following);
    expect(stdout).toContain(`Released ${version}; ${following} is begun.`);
    const { released, next } = await releases();
    const last = released.at(-1);
    expect(last?.version).toBe(version);
    expect(Object.keys(last?.migrations ?? {}).length).toBeGreaterThan(0);
    expect(next.version).toBe(following);
    const numbers = released.flatMap(({ migrations }) =>
      Object.keys(migrations).map((file) => /\d{14}/.exec(file)?.[0] ?? ""),
    );
    expect(numbers.every((number) => number < next.number)).toBe(true);
    for (const file of [
      "package.json",
      "sdk/package.json",
      "cli/package.json",
      "package-lock.json",
    ])
      expect(JSON.parse(await readFile(join(clone, file), "utf8"))).toMatchObject({
        version: following,
      });
    expect(await readFile(join(clone, "sdk/src/contract/version.ts"), "utf8")).toContain(following);
    expect(await readFile(join(clone, "sql/base/functions/release.sql"), "utf8")).toContain(
      `"installed": "${following}", "serves": "${version}"`,
    );
    expect(await check()).toBe("");
    // No existing migration has changed.
    const changed = await git("diff", "--name-only", "--diff-filter=MD", "supabase/migrations");
    expect(changed).toBe("");
  });

  it("leaves a clone in which the next SQL change makes a migration, and released ones cannot change", async () => {
    await git("add", "--all");
    await git("commit", "--quiet", "--message", `Release ${version}`);
    const source = join(clone, "sql/base/functions/fail.sql");
    const text = await readFile(source, "utf8");
    await writeFile(source, text.replace("begin\n", "begin\n  null;\n"));
    expect(await check()).toContain(
      `_mayfly_${following.replaceAll(".", "_")}.sql is not what sql/`,
    );
    await npm("run", "build:migrations");
    expect(await check()).toBe("");
    expect((await git("diff", "--name-only")).trim().split("\n")).toEqual([
      "sql/base/functions/fail.sql",
      expect.stringMatching(/^supabase\/migrations\/\d+_mayfly_\d+_\d+_\d+\.sql$/),
    ]);
    const [frozen = ""] = Object.keys((await releases()).released.at(-1)?.migrations ?? {});
    await writeFile(join(clone, frozen), "select 1;\n");
    expect(await check()).toContain(
      `${frozen} was released with ${version} and cannot change: change sql/ instead.`,
    );
  });

  it("lists deprecated objects of the previous release that still exist", async () => {
    const kept = "sql/base/deprecated/old_name.sql";
    const old = (since: string) => `-- Deprecated since ${since}: text_within.

create function mayfly_private.old_name()
returns integer
language sql immutable
set search_path = ''
return 1;

comment on function mayfly_private.old_name is 'An old name.';
`;
    await mkdir(join(clone, "sql/base/deprecated"), { recursive: true });
    await writeFile(join(clone, kept), old(following));
    await npm("run", "build:migrations").catch(() => {});
    expect(await check()).not.toContain(kept);
    await writeFile(join(clone, kept), old(version));
    expect(await check()).toContain(
      `${kept} was deprecated with ${version}, which is released: ${following} leaves it out.`,
    );
    await writeFile(join(clone, kept), old(version).replace(/^--.*\n/, ""));
    expect(await check()).toContain(`${kept} must begin with "-- Deprecated since ${following}"`);
  });
});
