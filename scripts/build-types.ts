// Makes two files from a database with the migrations: sdk/src/contract/database.types.ts, with the Supabase
// CLI, and sql/schema.sql, for reviewers. `--check` only compares, and fails if one differs.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { readArguments } from "../examples/arguments.ts";
import { bootstrap } from "../local/src/bootstrap.ts";
import { createConsoleLog } from "../local/src/console-log.ts";
import { openPglite } from "../local/src/db/index.ts";
import { applyMigrations } from "../local/src/migrations.ts";
import { dumpSchema } from "./sql/dump.ts";

const { flags } = readArguments("[--check]");
const root = join(import.meta.dirname, "..");

const database = await openPglite({ passwords: "only for now", log: createConsoleLog() });
const sql = postgres(database.url("supabase_admin"), { max: 1, onnotice: () => {} });
try {
  await bootstrap(database.url("supabase_admin"), "only for now");
  const url = database.url("postgres");
  await applyMigrations(url, join(root, "supabase/migrations"));
  const { stdout } = await promisify(execFile)(
    join(root, "node_modules/.bin/supabase"),
    ["gen", "types", "typescript", "--db-url", url, "--schema", "mayfly"],
    { cwd: root },
  );
  await put("sdk/src/contract/database.types.ts", stdout);
  await put("sql/schema.sql", await dumpSchema(sql));
} finally {
  await sql.end();
  await database.close();
}

async function put(path: string, text: string): Promise<void> {
  const present = await readFile(join(root, path), "utf8").catch(() => "");
  if (text === present) return;
  if (flags.has("check")) {
    console.error(`${path} is not what the migrations give: run npm run build:types`);
    process.exitCode = 1;
  } else {
    await writeFile(join(root, path), text);
    console.log(`wrote ${path}`);
  }
}
