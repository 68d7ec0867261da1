import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { bootstrap, openPglite } from "@mayfly/local/internal";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silent } from "#harness/log";
import { readBareTemplate } from "#harness/template";
import { editConfig } from "../../cli/src/init-config.ts";
import { functionEntries } from "../../cli/src/source.ts";
import { runCli, startCli } from "./run.ts";

const repository = join(import.meta.dirname, "../..");
const tool = (name: string) => join(repository, "node_modules/.bin", name);
const execute = promisify(execFile);

const config = `# Mine
project_id = "theirs" # an id

[api]
# What is exposed
schemas = [
  "public", # the first
  "shop",
]

[functions.checkout]
verify_jwt = true # people only
# the end
`;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "mayfly-init-"));
  await mkdir(join(root, "supabase/migrations"), { recursive: true });
  await writeFile(join(root, "supabase/config.toml"), config);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const init = (...words: string[]) => runCli(["init", root, ...words]);
const read = (path: string) => readFile(join(root, path), "utf8");
const write = (path: string, text: string) => writeFile(join(root, path), text);

async function contents(): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const pairs = files.map(async ({ parentPath, name }) => {
    const path = join(parentPath, name);
    return [path, await readFile(path, "utf8")] as const;
  });
  return Object.fromEntries(await Promise.all(pairs));
}

interface Report {
  done: boolean;
  needed: boolean;
  changes: { action: string; path: string; note: string | null }[];
  warnings: string[];
}
const report = async (...words: string[]) =>
  JSON.parse((await init("--json", ...words)).out) as Report;

describe("mayfly init", { timeout: 300_000 }, () => {
  it("shows what it would do, and does it only if told to", async () => {
    const before = await contents();
    const dry = await init("--dry-run");
    expect(dry.code).toBe(0);
    expect(dry.out).toMatch(/edit +supabase\/config.toml/);
    expect(dry.out).toMatch(/create +supabase\/migrations\/\d+_mayfly.sql/);
    const unasked = await init();
    expect(unasked.code).toBe(2);
    expect(unasked.err).toContain("--yes");
    expect(await contents()).toEqual(before);
  });

  it("sets the length of vectors with a migration after the project's newest, and keeps it", async () => {
    await write("supabase/migrations/20990101000000_theirs.sql", "select 1;");
    const wrong = await init("--yes", "--dimensions", "100");
    expect(wrong.code).toBe(2);
    expect((await init("--yes", "--dimensions", "1536")).code).toBe(0);
    const ours = async () =>
      (await readdir(join(root, "supabase/migrations"))).filter((name) =>
        name.includes("dimensions"),
      );
    const [file = "none"] = await ours();
    expect(file).toMatch(/^2099\d+_mayfly_dimensions_1_1536\.sql$/);
    const sql = await read(`supabase/migrations/${file}`);
    expect(sql).toContain("select mayfly_private.set_dimensions(1536);");
    // When it runs again, with or without the number, it changes nothing. Another number is another migration.
    for (const words of [[], ["--dimensions", "1536"]])
      expect((await init("--yes", ...words)).code).toBe(0);
    expect(await ours()).toEqual([file]);
    expect((await init("--yes", "--dimensions", "384")).code).toBe(0);
    expect(await ours()).toEqual([file, expect.stringMatching(/_mayfly_dimensions_2_384\.sql$/)]);
  });

  it("asks the user, who can say no, press Enter for yes, or interrupt it", async () => {
    const before = await contents();
    const asked = async (keys: string) => {
      const running = startCli(["init", root], { terminal: true });
      await running.printed(/Do it\? \[Y\/n\]/);
      running.child.stdin?.write(keys);
      return running.ended;
    };
    const [no, over, end] = await Promise.all([asked("n\r"), asked("\x03"), asked("\x04")]);
    expect(no).toMatchObject({ code: 1, err: "Nothing was changed.\n" });
    expect(over).toMatchObject({ code: 130, err: "" });
    expect(end).toMatchObject({ code: 1, err: "Nothing was changed.\n" });
    expect(await contents()).toEqual(before);
    const yes = await asked("\r");
    expect(yes.code, yes.err).toBe(0);
    expect(yes.out).toContain("npx supabase db push --remote");
  });

  it("installs files that the real Supabase CLI pushes and Deno checks, and changes nothing the second time", async () => {
    expect((await init("--yes")).code).toBe(0);
    const installed = await contents();
    const again = await init("--yes");
    expect(again).toMatchObject({ code: 0 });
    expect(again.out).toContain("already");
    expect(await contents()).toEqual(installed);

    const text = await read("supabase/config.toml");
    for (const line of [
      "# Mine",
      "# an id",
      "# What is exposed",
      "# the first",
      "# people only",
      "# the end",
    ])
      expect(text).toContain(line);
    expect(text).toContain('"mayfly"');
    expect(text.match(/verify_jwt = false/g)).toHaveLength(3);

    await symlink(join(repository, "node_modules"), join(root, "node_modules"));
    const functions = functionEntries().map(({ entrypoint }) => join("supabase", entrypoint));
    const deno = ["check", "--no-lock", "--node-modules-dir=manual", "--config"];
    await execute(tool("deno"), [...deno, "supabase/mayfly/functions/deno.json", ...functions], {
      cwd: root,
    });

    const password = "only for this test";
    const template = await readBareTemplate();
    const database = await openPglite({ template, passwords: password, log: silent });
    try {
      await bootstrap(database.url("supabase_admin"), password);
      const { stdout, stderr } = await execute(
        tool("supabase"),
        ["db", "push", "--yes", "--db-url", database.url("postgres")],
        { cwd: root, env: { ...process.env, DO_NOT_TRACK: "1", SUPABASE_TELEMETRY_DISABLED: "1" } },
      );
      expect(stdout + stderr).toMatch(/Applying migration \d+_mayfly_realtime/);
    } finally {
      await database.close();
    }
  });

  it("updates an older installation, and keeps changed files", async () => {
    await init("--yes");
    const manifest = JSON.parse(await read("supabase/.mayfly.json")) as {
      files: Record<string, string>;
      version: string;
    };
    const hash = (text: string) => createHash("sha256").update(text).digest("hex");
    // An older version installed these two files.
    const older = "supabase/mayfly/functions/sync/index.ts";
    const gone = "supabase/mayfly/functions/sync/gone.ts";
    const changed = "supabase/mayfly/functions/query/handler.ts";
    for (const path of [older, gone]) {
      await write(path, "// older\n");
      manifest.files[path] = hash("// older\n");
    }
    await write("supabase/.mayfly.json", JSON.stringify({ ...manifest, version: "0.0.1" }));
    await write(changed, `${await read(changed)}// mine\n`);

    const upgraded = await report("--yes");
    expect(upgraded.changes).toEqual([
      { action: "keep", path: changed, note: "changed since it was installed" },
      { action: "update", path: older, note: null },
      { action: "delete", path: gone, note: "no longer part of Mayfly" },
    ]);
    expect(await read(changed)).toContain("// mine");
    expect(await read(older)).not.toContain("// older");
    expect(Object.keys(await contents())).not.toContain(join(root, gone));

    // Migrations that the database lacks come before the functions that need them.
    const [, realtime = ""] = (await readdir(join(root, "supabase/migrations"))).sort();
    await rm(join(root, "supabase/migrations", realtime));
    expect((await init("--yes")).out).toMatch(
      /deploy again.*npx supabase db push --remote && npx supabase functions deploy/,
    );

    // A changed file is kept and listed each time, unless --force is given.
    const later = await report("--yes");
    expect(later).toMatchObject({ needed: false, changes: [{ action: "keep", path: changed }] });
    expect((await report("--yes", "--force")).changes).toMatchObject([
      { action: "update", path: changed },
    ]);
    expect(await read(changed)).not.toContain("// mine");

    const newer = (await read("supabase/.mayfly.json")).replace(
      /("version": )"[^"]+"/,
      '$1"10.0.0"',
    );
    await write("supabase/.mayfly.json", newer);
    expect((await report("--dry-run")).warnings.join()).toContain("The installed version is newer");
  });

  it("turns an empty folder into a project, and refuses other folders", async () => {
    await rm(join(root, "supabase"), { recursive: true });
    expect((await report("--yes")).changes[0]).toMatchObject({
      action: "create",
      path: "supabase/config.toml",
    });
    expect(await read("supabase/config.toml")).toMatch(/^project_id = "mayfly-init-/);

    const itself = await runCli(["init", repository, "--yes"]);
    expect(itself).toMatchObject({ code: 2 });
    expect(itself.err).toContain("This is Mayfly itself");
    expect((await runCli(["init", join(root, "nowhere")])).code).toBe(2);
    await write("supabase/config.toml", "this is = = no TOML\n");
    const broken = await init("--yes");
    expect(broken.code).toBe(1);
    expect(broken.err).toMatch(/config.toml is not valid TOML/);
  });

  it("refuses a project with functions of the same names", async () => {
    await write("supabase/config.toml", `${config}[functions.sync]\nverify_jwt = true\n`);
    const listed = await init("--yes");
    expect(listed.code).toBe(1);
    expect(listed.err).toContain("already has another function sync");
    await write("supabase/config.toml", config);
    await mkdir(join(root, "supabase/functions/spawn"), { recursive: true });
    expect((await init("--yes")).err).toContain("supabase/functions/spawn");
    expect(await read("supabase/config.toml")).toBe(config);
  });

  it("numbers its migrations after the project's newest, and then finds them by name", async () => {
    await write("supabase/migrations/20991231235959_theirs.sql", "select 1;\n");
    const migrations = async () => (await readdir(join(root, "supabase/migrations"))).sort();
    await init("--yes");
    const [, first, second] = await migrations();
    expect([first, second]).toEqual([
      "21000101000000_mayfly.sql",
      "21000101000001_mayfly_realtime.sql",
    ]);
    const installed = await migrations();
    await write("supabase/migrations/21010101000000_later.sql", "select 1;\n");
    expect(await report("--yes")).toMatchObject({ needed: false, changes: [], warnings: [] });
    // A lost migration comes back with the number that the database knows.
    await rm(join(root, "supabase/migrations", second ?? ""));
    await init("--yes");
    expect(await migrations()).toEqual([...installed, "21010101000000_later.sql"]);
    const changed = join("supabase/migrations", first ?? "");
    await write(changed, "select 1;\n");
    expect((await report("--yes")).changes).toEqual([
      { action: "keep", path: changed, note: "changed since it was installed" },
    ]);
  });
});

describe("the edit of config.toml", () => {
  const edit = (text: string) => editConfig(text, functionEntries());

  it("keeps every other line, in each style of writing", () => {
    for (const text of [
      "",
      "# only a comment",
      config,
      config.replaceAll("\n", "\r\n"),
      'api = { schemas = ["public"] } # inline\n',
      '[api]\nschemas = ["public", "mayfly"]\n',
      'api.schemas = ["public"] # dotted\n[functions.mine]\nverify_jwt = true\n',
    ]) {
      const { text: edited, changes } = edit(text);
      expect(changes.length).toBeGreaterThan(2);
      for (const [comment] of text.matchAll(/#[^\r\n]*/g)) expect(edited).toContain(comment);
      expect(edit(edited)).toEqual({ text: edited, changes: [] });
      if (text.includes("\r\n")) expect(edited.replaceAll("\r\n", "")).not.toContain("\n");
    }
  });

  it("turns verify_jwt off again if somebody turned it on", () => {
    const { text } = edit(config);
    const on = text.replace("verify_jwt = false", "verify_jwt = true");
    expect(edit(on)).toEqual({ text, changes: ["[functions.spawn]"] });
  });

  it("does not edit a file that it cannot edit safely", () => {
    expect(() => edit("functions = { mine = { verify_jwt = true } }\n")).toThrow(/by hand|safely/);
  });
});
