import { readFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkBroadcasts } from "../../cli/src/doctor-broadcasts.ts";
import { checkDatabase } from "../../cli/src/doctor-database.ts";
import { checkFunctions } from "../../cli/src/doctor-functions.ts";
import { checkMaintenance } from "../../cli/src/doctor-maintenance.ts";
import { hintAt, shownAt } from "../../cli/src/finding.ts";

const repository = join(import.meta.dirname, "../..");

/** A project that gives prepared answers. */
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

  it("finds extensions that were added after Mayfly and lack their schedule", async () => {
    const cron = ["mayfly-maintain", "mayfly-flush", "mayfly-cron-history", "mayfly-settle"];
    for (const { state } of await check([...cron, "mayfly-embed"])) expect(state).toBe("ok");
    const hint = "Run Mayfly's sql/operations/schedules.sql in the SQL editor";
    expect(await check(cron)).toMatchObject([
      { check: "pg_cron", state: "ok" },
      {
        check: "pg_net",
        message: "It is enabled, but these jobs are not scheduled: mayfly-embed.",
        hint,
      },
    ]);
    const missing = await check([], {} as never);
    for (const finding of missing) {
      expect(shownAt(finding, null)).toMatchObject({ state: "warning", message: finding.message });
      expect(shownAt(finding, "npm start")).toEqual({
        check: finding.check,
        state: "skipped",
        message: "The embedded Supabase does not have it. Check it on your hosted project.",
        hint: null,
        mend: null,
      });
    }
    expect(missing).toHaveLength(2);
    expect((await check(["mayfly-embed"]))[0]).toMatchObject({
      message: `It is enabled, but these jobs are not scheduled: ${cron.join(", ")}.`,
      hint,
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
        hint: expect.stringContaining(`maintain_tenant('${tenant_id}'`),
      },
    ]);
  });

  it("warns if pg_cron falls behind, but only if it is scheduled", () => {
    const behind = { oldest: "2026-11-01T08:00:00+00:00", failing: [] };
    expect(checkMaintenance(behind, true, now)).toMatchObject([
      { state: "warning", message: "A tenant has waited for it for 4 h." },
    ]);
    expect(checkMaintenance(behind, false, now)).toMatchObject([
      {
        state: "ok",
        message:
          "Without pg_cron, it runs when mayfly.tenants.maintain() is called. A tenant has waited for 4 h.",
      },
    ]);
    for (const fresh of [oldest, null])
      expect(checkMaintenance({ oldest: fresh, failing: [] }, true, now)).toMatchObject([
        { state: "ok" },
      ]);
  });
});

describe("the check of broadcasts", () => {
  const at = "2026-11-01T11:59:00+00:00";
  const none = { tenants: 0, at: null };

  it("warns of losses that readers noticed, and of a flusher that does not run", () => {
    const lost = { tenants: 2, at };
    const [loss, flusher] = checkBroadcasts({ flushed: false, due: 7, lost }, true);
    expect(loss).toMatchObject({
      state: "warning",
      message: expect.stringContaining(`2 tenants noticed lost broadcasts, last at ${at}`),
    });
    expect(flusher).toMatchObject({
      state: "warning",
      message: expect.stringContaining("7 broadcasts are waiting"),
    });
  });

  it("finds nothing if nothing was lost and either the flusher runs or pg_cron is missing", () => {
    for (const flushed of [true, false])
      expect(checkBroadcasts({ flushed, due: 0, lost: none }, false)).toMatchObject([
        { state: "ok" },
      ]);
  });
});

describe("the check of the functions", () => {
  it("finds that the platform checks tokens, even if it lets requests with an API key pass", async () => {
    const findings = await serve(
      (request, response) => {
        response.writeHead(request.headers.apikey ? 405 : 401, {
          "content-type": "application/json",
        });
        // These are the words of the hosted platform.
        response.end('{"code":401,"message":"Missing authorization header"}');
      },
      (url) => checkFunctions(connectionTo(url)),
    );
    expect(findings).toHaveLength(3);
    for (const { state, message, hint } of findings) {
      expect(state).toBe("error");
      expect(message).toContain("verify_jwt is on");
      expect(hintAt(hint ?? "", null)).toContain("verify_jwt = false");
      expect(hintAt(hint ?? "", "npm start")).toBe(
        "What npm start prints has the reason. To add or renew the functions: npx mayfly init",
      );
    }
  });
});
