import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";
import { checkBroadcasts } from "../../cli/src/doctor-broadcasts.ts";
import { checkDatabase } from "../../cli/src/doctor-database.ts";
import { checkFunctions } from "../../cli/src/doctor-functions.ts";
import { checkMaintenance } from "../../cli/src/doctor-maintenance.ts";
import { generateSigningKey } from "../../local/src/keys.ts";
import { runCli } from "./run.ts";

interface Finding {
  check: string;
  state: string;
  message: string;
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
  return { code, findings, of: (check) => findings.find((finding) => finding.check === check) };
}

const notFine = (findings: Finding[]) =>
  findings.filter(({ state }) => state !== "ok").map(({ check, state }) => `${check} ${state}`);

describe("mayfly doctor on a project as it should be", { timeout: 300_000 }, () => {
  let local: TestLocal;
  beforeAll(async () => {
    local = await startTestLocal();
  }, 120_000);
  afterAll(() => local.close());

  it("finds nothing wrong, ends with 0, and leaves no tenant behind", async () => {
    const { code, findings } = await examine(local);
    expect(findings.filter(({ state }) => state === "error")).toEqual([]);
    // What PGlite has not, nor a hosted project until somebody enables it.
    expect(notFine(findings)).toEqual([
      "row estimates warning",
      "read timeout warning",
      "pg_cron warning",
      "pg_net warning",
      "public channels warning",
    ]);
    for (const { state, mend } of findings) expect(mend === null).toBe(state === "ok");
    expect(code).toBe(0);
    expect(await local.sql`select from mayfly.tenants`).toHaveLength(0);
  });

  it("shows people each finding with its mend", async () => {
    const env = { MAYFLY_URL: local.apiUrl, MAYFLY_KEY: local.secretKey };
    const { code, out } = await runCli(["doctor"], { env });
    expect(code).toBe(0);
    expect(out).toMatch(/^ok +signing key +The Data API accepts/m);
    expect(out).toMatch(/^warning +pg_cron.*\n +→ Enable it/m);
    expect(out).not.toContain(local.secretKey);
  });

  it("finds a wrong key and a wrong URL", async () => {
    const wrongKey = await examine({ ...local, secretKey: "sb_secret_wrong" });
    expect(wrongKey.code).toBe(1);
    expect(wrongKey.of("url")?.state).toBe("ok");
    expect(wrongKey.of("key")?.mend).toContain("secret key");
    // What needs the key says nothing of its own.
    for (const check of ["migrations", "realtime", "signing key"])
      expect(wrongKey.of(check)).toMatchObject({
        state: "skipped",
        message: "Not before the key is right.",
      });
    const nothing = await examine({ ...local, apiUrl: "http://127.0.0.1:2" });
    expect(nothing.code).toBe(1);
    expect(nothing.of("url")?.message).toContain("nothing listens there");
    for (const path of ["elsewhere", "rest/v1"]) {
      const other = await examine({ ...local, apiUrl: `${local.apiUrl}/${path}` });
      expect(other.of("url")?.message).toContain("no Supabase project");
      expect(other.of("url")?.mend).toContain("without a path");
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
    expect(of("row security")?.mend).toBe("alter table mayfly.scopes enable row level security;");
    expect(of("open policies")).toMatchObject({
      state: "warning",
      message: expect.stringContaining("public.notes"),
    });
  });

  it("finds statistics of what tenants write, where somebody has raised them", async () => {
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
      mend: expect.stringContaining("sql/forget_statistics.sql"),
    });
    const script = join(repository, "sql/forget_statistics.sql");
    await local.sql.unsafe(await readFile(script, "utf8"));
    expect((await statistics())?.state).toBe("ok");
  });

  it("finds migrations that are not applied, or in another version, or not recorded", async () => {
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
    // A project has them under numbers of its own.
    expect(await migrationsOnce(`update ${table} set version = '2' || version`)).toMatchObject({
      state: "ok",
    });
    expect((await migrationsOnce(`delete from ${table} where ${realtime}`))?.message).toMatch(
      /^Not applied: \d+_mayfly_realtime\.$/,
    );
    expect(
      (await migrationsOnce(`update ${table} set statements = '{select 1}' where ${realtime}`))
        ?.message,
    ).toMatch(/another version/);
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

  it("finds a signing key that the project does not know, and functions of another version", async () => {
    const versioned = "supabase/mayfly/sdk/src/contract/version.ts";
    const original = await readFile(join(root, versioned), "utf8");
    await writeFile(join(root, versioned), original.replace(/"[\d.]+"/, '"0.1.0"'));
    const key = JSON.stringify(await generateSigningKey());
    const local = await startTestLocal({ root, secrets: { MAYFLY_SIGNING_KEY: key } });
    try {
      const { code, of } = await examine(local);
      expect(code).toBe(1);
      expect(of("function sync")).toMatchObject({
        state: "warning",
        mend: "npx supabase functions deploy sync",
      });
      expect(of("function sync")?.message).toMatch(/^0\.1\.0 is deployed/);
      expect(of("signing key")).toMatchObject({
        state: "error",
        message: expect.stringContaining("does not know the key"),
      });
      expect(of("signing key")?.mend).toContain("MAYFLY_SIGNING_KEY");
      expect(of("agent realtime")?.state).not.toBe("ok");
      expect(await local.sql`select from mayfly.tenants`).toHaveLength(0);
    } finally {
      await local.close();
      await writeFile(join(root, versioned), original);
    }
  });

  it("finds a function without its secret", async () => {
    const local = await startTestLocal({ root, secrets: { MAYFLY_SIGNING_KEY: "none" } });
    try {
      const { code, of } = await examine(local);
      expect(code).toBe(1);
      expect(of("signing key")?.message).toContain("MAYFLY_SIGNING_KEY is not a private JWK");
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
    const local = await startTestLocal({ root });
    try {
      const { code, of } = await examine(local);
      expect(code).toBe(1);
      expect(of("key")?.state).toBe("ok");
      expect(of("schema")).toMatchObject({
        state: "error",
        mend: expect.stringContaining("Exposed schemas: add mayfly"),
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

/** A project that answers as it is told to. */
async function serve<T>(listener: RequestListener, work: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return work(`http://127.0.0.1:${port}`).finally(() => server.close());
}
const connectionTo = (url: string) => ({ url, key: "sb_secret_x", tenant: undefined });

describe("the check of the schedules", () => {
  const check = (jobs: string[], extensions = { pg_cron: "1.6", pg_net: "0.14" }) => {
    const found = { at: new Date(), extensions, jobs, migrations: null };
    const none = {
      unprotected: [],
      policies: [],
      open_policies: [],
      pre_request: null,
      statistics: [],
      timeouts: {},
      maintenance: { oldest: null, failing: [] },
      broadcasts: { flushed: true, due: 0, lost: { tenants: 0, at: null } },
    };
    return serve(
      (_request, response) => response.end(JSON.stringify({ ...found, ...none })),
      async (url) =>
        (await checkDatabase(connectionTo(url))).filter(({ check }) => /^pg_/.test(check)),
    );
  };

  it("finds what came after Mayfly was installed, and has no job of it", async () => {
    const cron = ["mayfly-maintain", "mayfly-flush", "mayfly-cron-history", "mayfly-settle"];
    for (const { state } of await check([...cron, "mayfly-embed"])) expect(state).toBe("ok");
    const mend = "Run Mayfly's sql/operations/schedules.sql in the SQL editor";
    expect(await check(cron)).toMatchObject([
      { check: "pg_cron", state: "ok" },
      { check: "pg_net", message: "It is there, but not scheduled: mayfly-embed.", mend },
    ]);
    expect((await check(["mayfly-embed"]))[0]).toMatchObject({
      message: `It is there, but not scheduled: ${cron.join(", ")}.`,
      mend,
    });
    const text = await readFile(join(repository, "sql/operations/schedules.sql"), "utf8");
    for (const job of [...cron, "mayfly-embed"]) expect(text).toContain(`'${job}'`);
  });
});

describe("the check of maintenance", () => {
  const now = Date.parse("2026-11-01T12:00:00Z");
  const oldest = "2026-11-01T11:59:00+00:00";

  it("names each tenant for which it fails, with the newest error", () => {
    const tenant_id = "00000000-0000-4000-8000-000000000001";
    const failure = { tenant_id, failures: 3, since: "2026-11-01T11:00:00+00:00" };
    const findings = checkMaintenance(
      { oldest, failing: [{ ...failure, error: "22003 integer out of range" }] },
      true,
      now,
    );
    expect(findings).toMatchObject([
      {
        check: "maintenance",
        state: "error",
        message: `It has failed 3 times for the tenant ${tenant_id}, since 2026-11-01T11:00:00+00:00: 22003 integer out of range.`,
        mend: expect.stringContaining(`maintain_tenant('${tenant_id}'`),
      },
    ]);
  });

  it("warns where pg_cron falls behind, and only where it is scheduled", () => {
    const behind = { oldest: "2026-11-01T08:00:00+00:00", failing: [] };
    expect(checkMaintenance(behind, true, now)).toMatchObject([
      { state: "warning", message: "A tenant has waited for it for 4 h." },
    ]);
    expect(checkMaintenance(behind, false, now)).toMatchObject([{ state: "ok" }]);
    for (const fresh of [oldest, null])
      expect(checkMaintenance({ oldest: fresh, failing: [] }, true, now)).toMatchObject([
        { state: "ok" },
      ]);
  });
});

describe("the check of broadcasts", () => {
  const at = "2026-11-01T11:59:00+00:00";
  const none = { tenants: 0, at: null };

  it("warns of losses that readers have noticed, and of a flusher that does not run", () => {
    const lost = { tenants: 2, at };
    const [loss, flusher] = checkBroadcasts({ flushed: false, due: 7, lost }, true);
    expect(loss).toMatchObject({
      state: "warning",
      message: expect.stringContaining(`2 tenants have noticed lost broadcasts, last at ${at}`),
    });
    expect(flusher).toMatchObject({
      state: "warning",
      message: expect.stringContaining("7 broadcasts wait"),
    });
  });

  it("is content without losses, with a flusher or without pg_cron", () => {
    for (const flushed of [true, false])
      expect(checkBroadcasts({ flushed, due: 0, lost: none }, false)).toMatchObject([
        { state: "ok" },
      ]);
  });
});

describe("the check of the functions", () => {
  it("finds a platform that asks for tokens before they do, which lets API keys pass", async () => {
    const findings = await serve(
      (request, response) => {
        response.writeHead(request.headers.apikey ? 405 : 401, {
          "content-type": "application/json",
        });
        // As the hosted platform says it.
        response.end('{"code":401,"message":"Missing authorization header"}');
      },
      (url) => checkFunctions(connectionTo(url)),
    );
    expect(findings).toHaveLength(3);
    for (const { state, message, mend } of findings) {
      expect(state).toBe("error");
      expect(message).toContain("verify_jwt is on");
      expect(mend).toContain("verify_jwt = false");
    }
  });
});
