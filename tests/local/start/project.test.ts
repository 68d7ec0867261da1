/** Any Supabase project is served, with or without Mayfly: its migrations, seeds, functions and secrets. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findProject, type Local, startLocal } from "@mayfly/local";
import { generateKeys } from "@mayfly/local/internal";
import { createClient } from "@supabase/supabase-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readBareTemplate } from "#harness/template";
import { functionsEnvironment } from "../../../local/src/environment.ts";
import { createTokens } from "../../../local/src/tokens.ts";
import { LogBook } from "../functions/project.ts";

const root = mkdtempSync(join(tmpdir(), "mayfly-project-"));
const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const log = new LogBook();
let template: Blob | string;
let local: Local;
const start = async (data?: string) =>
  startLocal({
    root,
    port: 0,
    log,
    ...(data === undefined ? { template } : { data, template }),
    keys: await generateKeys(),
  });

beforeAll(async () => {
  template = await readBareTemplate();
  write(
    "supabase/config.toml",
    `[api]\nschemas = ["public"]\n[db.seed]\nsql_paths = ["./seeds/*.sql", "./seed.sql"]\n[functions.open]\nverify_jwt = false\n`,
  );
  write(
    "supabase/migrations/20240101000000_words.sql",
    "create table public.words (id int primary key, word text);",
  );
  write("supabase/seeds/b.sql", "insert into public.words values (2, 'b');");
  write("supabase/seeds/a.sql", "insert into public.words values (1, 'a');");
  write("supabase/seed.sql", "insert into public.words select 3, count(*) from public.words;");
  write("supabase/functions/.env", "GREETING=hello\nSUPABASE_URL=http://elsewhere");
  // Each has its own import map, in which the same name means something else. Both import a shared file.
  for (const name of ["open", "closed"]) {
    write(
      `supabase/functions/${name}/deno.json`,
      `{ "imports": { "#word": "./word.ts" } } // its own`,
    );
    write(
      `supabase/functions/${name}/word.ts`,
      `export { all } from "../_shared/all.ts"; export const word = "${name}";`,
    );
    write(
      `supabase/functions/${name}/index.ts`,
      `import { word, all } from "#word";
      Deno.serve(() => Response.json([word, all, Deno.env.get("GREETING"), Deno.env.get("SUPABASE_URL")]));`,
    );
  }
  write("supabase/functions/_shared/all.ts", `export const all = "all";`);
  local = await start();
});
afterAll(async () => {
  await local?.close();
  rmSync(root, { recursive: true, force: true });
});

test("a project gets its migrations, and then its seeds in their order", async () => {
  const { data } = await createClient(local.apiUrl, local.secretKey)
    .from("words")
    .select("word")
    .order("id");
  expect(data?.map(({ word }) => word)).toEqual(["a", "b", "2"]);
});

test("all functions of a project are served with their own imports, even if config.toml does not name them", async () => {
  const call = (name: string, headers = {}) =>
    fetch(`${local.apiUrl}/functions/v1/${name}`, { headers });
  const open = await call("open");
  expect(await open.json()).toEqual(["open", "all", "hello", local.apiUrl]);

  // verify_jwt is on unless config.toml says otherwise, so only tokens of this project pass.
  const keys = await functionsEnvironment(
    local.apiUrl,
    local.dbUrl,
    local.keys,
    await createTokens(local.keys),
  );
  const statuses = await Promise.all(
    [{}, { authorization: "Bearer nonsense" }, { authorization: `Bearer ${local.secretKey}` }].map(
      async (headers) => (await call("closed", headers)).status,
    ),
  );
  expect(statuses).toEqual([401, 401, 401]);
  const closed = await call("closed", { authorization: `Bearer ${keys.SUPABASE_ANON_KEY}` });
  expect(await closed.json()).toEqual(["closed", "all", "hello", local.apiUrl]);
});

test("a data folder gets its seeds once, and a changed seed is named", async () => {
  const data = join(root, ".mayfly");
  const first = await start(data);
  await first.close();
  log.forget();
  write("supabase/seed.sql", "insert into public.words values (4, 'd');");
  const second = await start(data);
  const { count } = await createClient(second.apiUrl, second.secretKey)
    .from("words")
    .select("*", { count: "exact", head: true });
  await second.close();
  expect(count).toBe(3);
  expect(log.of("warn").map(({ message }) => message)).toEqual([
    expect.stringMatching(/^supabase\/seed\.sql has changed since it was run/),
  ]);
});

test("a seed that fails stops the start with its name", async () => {
  write("supabase/seed.sql", "insert into public.nowhere values (1);");
  await expect(start()).rejects.toThrow(
    'The seed supabase/seed.sql failed: relation "public.nowhere" does not exist',
  );
});

test("a project is found from a folder within it, as the Supabase CLI finds it", () => {
  expect(findProject(join(root, "supabase/functions"))).toBe(root);
  expect(findProject(tmpdir())).toBeNull();
});
