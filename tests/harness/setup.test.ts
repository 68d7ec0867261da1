/**
 * Working on Mayfly itself: what a run of the tests does before the first one, and how `npm run dev` reacts to a
 * change.
 */
import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPglite } from "../../local/src/db/index.ts";
import { loadOrCreateKeys } from "../../local/src/keys.ts";
import { silent } from "./log.ts";
import { root } from "./sources.ts";
import { readTemplate } from "./template.ts";

let project: string;
/** Whether a file is copied: everything of the repository, except the tests outside of tests/harness. */
const isCopied = (path: string) =>
  !/^(\.git|\.mayfly|tests\/(?!harness))|node_modules/.test(relative(root, path));
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "mayfly-setup-"));
  await cp(root, project, { recursive: true, filter: isCopied });
  // node_modules includes the cache, so that what has not changed is not built again.
  await symlink(join(root, "node_modules"), join(project, "node_modules"));
  await mkdir(join(project, "tests/base"));
  await writeFile(join(project, "tests/base/one.test.ts"), oneTest);
});
afterAll(() => rm(project, { recursive: true, force: true }));

const oneTest = `
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestDatabase } from "#harness/database";
let db;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());
it("reads what the source says", async () => {
  const [row] = await db.sql\`select obj_description('mayfly'::regnamespace) as said\`;
  expect(row?.said).toBe("changed by a test");
});
`;

/** Runs the project's only test as a person does, right after saving an SQL file. */
function run(): Promise<{ code: number; output: string }> {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "tests/base"];
  return new Promise((resolve) => {
    const env = { ...process.env, CI: "", NO_COLOR: "1", KEEP_DB: "1", DATABASE_URL: "" };
    execFile(process.execPath, args, { cwd: project, env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr });
    });
  });
}

describe("a run of the tests", () => {
  it("uses the current SQL files without a build, and refuses to start with a broken one", async () => {
    const file = join(project, "sql/base/schemas.sql");
    const text = await readFile(file, "utf8");
    const comment = /comment on schema mayfly is '[^']*'/;
    expect(text).toMatch(comment);

    await writeFile(file, text.replace(comment, "comment on schema mayfly is 'changed by a test'"));
    const sees = await run();
    expect(sees.output).toContain("1 passed");
    expect(sees.output).not.toContain("KEEP_DB");
    expect(sees.code).toBe(0);

    await writeFile(file, text.replace(comment, "comment on schema nobody is 'broken'"));
    const broken = await run();
    expect(broken.output).toContain(
      'No test was started, since the SQL does not apply. The migration 20261128000000_mayfly_0_2_0.sql failed: schema "nobody" does not exist',
    );
    expect(broken.output).not.toContain("1 passed");
    expect(broken.code).not.toBe(0);
    await writeFile(file, text);
  });

  it("keeps the database of a failed test with KEEP_DB=1, and says how to open it", async () => {
    const { output, code } = await run();
    expect(code).not.toBe(0);
    const [, folder = ""] =
      /is kept in (\S+)\. To look at it:\n +npm start -- --data \1\n/.exec(output) ?? [];
    expect(output).toContain(`psql "$(npm run -s db:url -- --data ${folder})"`);
    const keys = await loadOrCreateKeys(folder);
    const database = await openPglite({
      dataDir: join(folder, "db"),
      passwords: keys.databasePassword,
      log: silent,
    });
    const sql = postgres(database.url("postgres"), { max: 1 });
    const [row] = await sql`select obj_description('mayfly'::regnamespace) as said`;
    await sql.end();
    await database.close();
    expect(row?.said).toMatch(/^Mayfly: tenants/);
    await rm(folder, { recursive: true });
  });
});

describe("npm run dev", () => {
  /** The data folder of the embedded Supabase, as a first start leaves it. */
  const prepare = async () => {
    const { database, keys } = await readTemplate();
    const data = join(project, ".mayfly/dev");
    await mkdir(data, { recursive: true });
    const db = await openPglite({
      dataDir: join(data, "db"),
      template: database,
      passwords: keys.databasePassword,
      log: silent,
    });
    await db.close();
    await writeFile(join(data, "keys.json"), JSON.stringify(keys), { mode: 0o600 });
    return keys.secretKey;
  };
  const edit = async (path: string, from: string, to: string) => {
    const file = join(project, path);
    const text = await readFile(file, "utf8");
    expect(text).toContain(from);
    await writeFile(file, text.replace(from, to));
  };

  it("seeds a tenant, applies an SQL file that is saved, refuses a broken one, and reloads functions", async () => {
    const key = await prepare();
    const child = spawn(process.execPath, ["--liftoff-only", join(project, "scripts/dev.ts")], {
      cwd: project,
    });
    let said = "";
    let heard = () => {};
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        heard();
      });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const until = (pattern: RegExp) =>
      new Promise<string>((resolve, reject) => {
        heard = () => {
          const found = pattern.exec(said);
          if (found) resolve(found[1] ?? found[0]);
        };
        void ended.then(() => reject(new Error(`It ended: ${said}`)));
        heard();
      });
    try {
      const api = await until(/API_URL +(\S+)/);
      await until(/A change in sql/);
      expect(said).toContain("Seeding the tenant seed");
      const headers = { apikey: key, "content-profile": "mayfly" };
      const installation = async () =>
        (await fetch(`${api}/rest/v1/rpc/installation`, { method: "POST", headers })).json();
      expect(await installation()).not.toHaveProperty("edited");

      const path = "sql/operations/functions/installation.sql";
      const [as, edited] = [
        "return mayfly_private.installation();",
        "return mayfly_private.installation() || '{\"edited\": true}';",
      ];
      await edit(path, as, edited);
      await until(/Applied what changed/);
      expect(await installation()).toHaveProperty("edited", true);
      await edit(path, edited, "return (((;");
      await until(/Not applied/);
      expect(await installation()).toHaveProperty("edited", true);
      await edit(path, "return (((;", as);

      const version = async () =>
        (await fetch(`${api}/functions/v1/query`, { method: "POST" })).headers.get(
          "x-mayfly-version",
        );
      expect(await version()).not.toBe("edited");
      await edit(
        "functions/_shared/app.ts",
        '"x-mayfly-version", version',
        '"x-mayfly-version", "edited"',
      );
      await expect.poll(version, { timeout: 60_000 }).toBe("edited");
      child.kill("SIGINT");
      expect(await ended, said).toBe(0);
      expect(said).toContain("Stopped.");
    } finally {
      child.kill("SIGKILL");
    }
  });
});
