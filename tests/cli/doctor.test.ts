import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateSigningKey } from "@mayfly/local/internal";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { checkDatabase } from "../../cli/src/doctor-database.ts";
import { runCli } from "./run.ts";

interface Finding {
  check: string;
  state: string;
  message: string;
  hint: string | null;
  /** The old name. */
  mend: string | null;
}

const repository = join(import.meta.dirname, "../..");

async function examine({ apiUrl, secretKey }: Pick<TestLocal, "apiUrl" | "secretKey">): Promise<{
  code: number | null;
  findings: Finding[];
  of: (check: string) => Finding | undefined;
}> {
  const env = { MAYFLY_URL: apiUrl, MAYFLY_KEY: secretKey };
  const { code, out, err } = await runCli(["doctor", "--json"], { env });
  if (!out.startsWith("{")) throw new Error(out + err);
  const { findings } = JSON.parse(out) as { findings: Finding[] };
  for (const { hint, mend } of findings) expect(mend).toBe(hint);
  return { code, findings, of: (check) => findings.find((finding) => finding.check === check) };
}

const notFine = (findings: Finding[]) =>
  findings.filter(({ state }) => state !== "ok").map(({ check, state }) => `${check} ${state}`);

describe("mayfly doctor on a correct project", { timeout: 300_000 }, () => {
  let local: TestLocal;
  beforeAll(async () => {
    local = await startTestLocal({ embedded: true });
  });
  afterAll(() => local.close());

  it("finds nothing wrong, ends with 0, and leaves no tenant behind", async () => {
    const { code, findings } = await examine(local);
    expect(findings.filter(({ state }) => state === "error")).toEqual([]);
    // These are checks of hosted projects.
    expect(notFine(findings)).toEqual([
      "row estimates skipped",
      "read timeout skipped",
      "pg_cron skipped",
      "pg_net skipped",
      "public channels skipped",
    ]);
    for (const { hint } of findings) expect(hint).toBe(null);
    expect(code).toBe(0);
    expect(await local.sql`select from mayfly.tenants`).toHaveLength(0);
  });

  it("shows people each finding with its fix", async () => {
    const env = { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey };
    const { code, out } = await runCli(["doctor"], { env });
    expect(code).toBe(0);
    expect(out).toMatch(/^ok +signing key +The Data API accepts/m);
    expect(out).toMatch(/^skipped +pg_cron +The embedded Supabase does not have it\./m);
    expect(out).toMatch(/^ok +maintenance +Without pg_cron, it runs when/m);
    expect(out).not.toMatch(/Project Settings|dashboard|SQL editor|Database →/);
    expect(out).not.toContain(local.secretKey);
  });

  it("finds a wrong key and a wrong URL", async () => {
    const wrongKey = await examine({ ...local, secretKey: "sb_secret_wrong" });
    expect(wrongKey.code).toBe(1);
    expect(wrongKey.of("url")?.state).toBe("ok");
    expect(wrongKey.of("key")?.hint).toMatch(
      /^Use the SECRET_KEY that npx mayfly dev printed\. .*finds the URL and the key by itself/,
    );
    // Checks that need the key report nothing else.
    for (const check of ["migrations", "realtime", "signing key"])
      expect(wrongKey.of(check)).toMatchObject({
        state: "skipped",
        message: "Skipped until the key is fixed.",
      });
    const nothing = await examine({ ...local, apiUrl: "http://127.0.0.1:2" });
    expect(nothing.code).toBe(1);
    expect(nothing.of("url")?.message).toContain("nothing listens there");
    expect(nothing.of("url")?.hint).toMatch(/^Start the project, or correct the port\./);
    for (const path of ["elsewhere", "rest/v1"]) {
      const other = await examine({ ...local, apiUrl: `${local.apiUrl}/${path}` });
      expect(other.of("url")?.message).toContain("is not a Supabase project");
      expect(other.of("url")?.hint).toContain("without a path");
    }
  });

  it("finds policies that are missing, and tables that are open", async () => {
    await local.sql.unsafe(`
      drop policy mayfly_receive on realtime.messages;
      drop policy events_select on mayfly.events;
      alter table mayfly.scopes disable row level security;
      create table public.notes (id int);
      alter table public.notes enable row level security;
      create policy everyone on public.notes for select to authenticated using (true);`);
    const { code, of } = await examine(local);
    await local.sql.unsafe(`
      create policy mayfly_receive on realtime.messages for select to authenticated
        using (mayfly_private.may_use_topic((select realtime.topic()), extension, false));
      create policy events_select on mayfly.events for select to authenticated using (false);
      alter table mayfly.scopes enable row level security;
      drop table public.notes;`);
    expect(code).toBe(1);
    expect(of("realtime policies")).toMatchObject({
      state: "error",
      message: expect.stringContaining("mayfly_receive on realtime.messages"),
    });
    expect(of("agent realtime")?.state).toBe("error");
    expect(of("policies")?.message).toBe("Missing: events_select on mayfly.events.");
    expect(of("row security")?.hint).toBe("alter table mayfly.scopes enable row level security;");
    expect(of("open policies")).toMatchObject({
      state: "warning",
      message: expect.stringContaining("public.notes"),
    });
  });

  it("finds statistics of columns that tenants write, if somebody raised them", async () => {
    await local.sql.unsafe(`
      alter table mayfly.memories alter column task set statistics 100;
      insert into mayfly.tenants (name) values ('told');
      insert into mayfly.memories (tenant_id, id, task) select id, gen_random_uuid(), 'told' from mayfly.tenants;
      analyze mayfly.memories;
      delete from mayfly.tenants;
      alter table mayfly.memories alter column task set statistics 0;`);
    const connection = { url: local.apiUrl, key: local.secretKey, tenant: undefined };
    const statistics = async () =>
      (await checkDatabase(connection)).find(({ check }) => check === "column statistics");
    expect(await statistics()).toMatchObject({
      state: "warning",
      message: expect.stringContaining("mayfly.memories.task"),
      hint: expect.stringContaining("sql/forget_statistics.sql"),
    });
    const script = join(repository, "sql/forget_statistics.sql");
    await local.sql.unsafe(await readFile(script, "utf8"));
    expect((await statistics())?.state).toBe("ok");
  });

  it("finds migrations that are missing, in another version, or not recorded", async () => {
    const table = "supabase_migrations.schema_migrations";
    await local.sql.unsafe(`create table kept as select * from ${table}`);
    const migrationsOnce = async (change: string) => {
      await local.sql.unsafe(change);
      const findings = await checkDatabase({
        url: local.apiUrl,
        key: local.secretKey,
        tenant: undefined,
      });
      await local.sql.unsafe(`delete from ${table}; insert into ${table} select * from kept`);
      return findings.find(({ check }) => check === "migrations");
    };
    const realtime = "name = 'mayfly_realtime'";
    // Projects have these migrations under their own numbers.
    expect(await migrationsOnce(`update ${table} set version = '2' || version`)).toMatchObject({
      state: "ok",
    });
    expect((await migrationsOnce(`delete from ${table} where ${realtime}`))?.message).toMatch(
      /^Not applied: \d+_mayfly_realtime\.$/,
    );
    expect(
      (await migrationsOnce(`update ${table} set statements = '{select 1}' where ${realtime}`))
        ?.message,
    ).toMatch(/a version other than/);
    expect(
      await migrationsOnce(`update ${table} set statements = null where ${realtime}`),
    ).toMatchObject({
      state: "warning",
    });
    await local.sql`drop table kept`;
  });
});

describe("mayfly doctor on a project that mayfly init made", { timeout: 300_000 }, () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "mayfly-doctor-"));
    expect((await runCli(["init", root, "--yes"])).code).toBe(0);
    await symlink(join(repository, "node_modules"), join(root, "node_modules"));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));
  const edit = async (path: string, change: (text: string) => string) => {
    const text = await readFile(join(root, path), "utf8");
    await writeFile(join(root, path), change(text));
  };

  it("finds an unknown signing key and functions of another version", async () => {
    const versioned = "supabase/mayfly/sdk/src/contract/version.ts";
    const original = await readFile(join(root, versioned), "utf8");
    await writeFile(join(root, versioned), original.replace(/"[\d.]+"/, '"0.1.0"'));
    const key = JSON.stringify(await generateSigningKey());
    const local = await startTestLocal({
      embedded: true,
      root,
      secrets: { MAYFLY_SIGNING_KEY: key },
    });
    try {
      const { code, of } = await examine(local);
      expect(code).toBe(1);
      expect(of("function sync")).toMatchObject({
        state: "warning",
        hint: expect.stringContaining("npx mayfly init"),
      });
      expect(of("function sync")?.message).toMatch(/^0\.1\.0 is deployed/);
      expect(of("signing key")).toMatchObject({
        state: "error",
        message: expect.stringContaining("does not know the key"),
      });
      expect(of("signing key")?.hint).toContain("MAYFLY_SIGNING_KEY");
      expect(of("agent realtime")?.state).not.toBe("ok");
      expect(await local.sql`select from mayfly.tenants`).toHaveLength(0);
    } finally {
      await local.close();
      await writeFile(join(root, versioned), original);
    }
  });

  it("finds a function without its secret", async () => {
    const local = await startTestLocal({
      embedded: true,
      root,
      secrets: { MAYFLY_SIGNING_KEY: "none" },
    });
    try {
      const { code, of } = await examine(local);
      expect(code).toBe(1);
      expect(of("signing key")?.message).toContain("MAYFLY_SIGNING_KEY must be a private JWK");
      expect(of("function spawn")?.state).toBe("ok");
    } finally {
      await local.close();
    }
  });

  it("finds a schema that is not exposed, and functions that are not deployed or broken", async () => {
    await edit("supabase/config.toml", (text) =>
      text
        .replace(/schemas = .*/, 'schemas = ["public"]')
        .replace(/\[functions\.query\][\s\S]*/, ""),
    );
    await writeFile(
      join(root, "supabase/mayfly/functions/sync/index.ts"),
      'throw new Error("no");',
    );
    const local = await startTestLocal({ embedded: true, root });
    try {
      const { code, of } = await examine(local);
      expect(code).toBe(1);
      expect(of("key")?.state).toBe("ok");
      expect(of("schema")).toMatchObject({
        state: "error",
        hint: expect.stringMatching(/^Add mayfly to schemas of \[api\] in supabase\/config.toml/),
      });
      expect(of("migrations")?.state).toBe("skipped");
      expect(of("function spawn")?.state).toBe("ok");
      expect(of("function query")).toMatchObject({
        state: "error",
        message: "It is not deployed.",
      });
      expect(of("function sync")?.message).toMatch(/^It does not start: 503/);
      expect(of("signing key")?.state).toBe("skipped");
    } finally {
      await local.close();
    }
  });
});
