// Makes sdk/src/contract/database.types.ts with the Supabase CLI from a database that has the migrations.
// `--check` only compares and fails where it differs.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { bootstrap } from "../local/src/bootstrap.ts";
import { createConsoleLog } from "../local/src/console-log.ts";
import { openPglite } from "../local/src/db/index.ts";
import { applyMigrations } from "../local/src/migrations.ts";

const root = join(import.meta.dirname, "..");
const path = join(root, "sdk/src/contract/database.types.ts");

const database = await openPglite({ passwords: "only for now", log: createConsoleLog() });
try {
  await bootstrap(database.url("supabase_admin"), "only for now");
  const url = database.url("postgres");
  await applyMigrations(url, join(root, "supabase/migrations"));
  const { stdout } = await promisify(execFile)(
    join(root, "node_modules/.bin/supabase"),
    ["gen", "types", "typescript", "--db-url", url, "--schema", "mayfly"],
    { cwd: root },
  );
  const present = await readFile(path, "utf8").catch(() => "");
  if (stdout !== present && process.argv.includes("--check")) {
    console.error(`${path} is not what the migrations give: run npm run build:types`);
    process.exitCode = 1;
  } else if (stdout !== present) {
    await writeFile(path, stdout);
    console.log("wrote sdk/src/contract/database.types.ts");
  }
} finally {
  await database.close();
}
