import { createHash } from "node:crypto";
import { basename } from "node:path";
import { count, flag, object, text, texts } from "@mayfly/sdk/contract/answer-form";
import { z } from "zod";
import type { Connection } from "./connection.ts";
import { type Broadcasts, checkBroadcasts } from "./doctor-broadcasts.ts";
import { checkGate, checkStatistics, type PreRequest } from "./doctor-gate.ts";
import { checkMaintenance, type Maintenance } from "./doctor-maintenance.ts";
import { checkTimeouts } from "./doctor-neighbours.ts";
import { pushHint } from "./entry.ts";
import { type Finding, fine, type Hint, skipped, warning, wrong } from "./finding.ts";
import { duration } from "./format-values.ts";
import { secretKeyHint } from "./here.ts";
import { nameOf } from "./init-migrations.ts";
import { type Answer, codeOf, inMayfly, probe } from "./probe.ts";
import { readMigrations, type SourceFile } from "./source.ts";

/** What mayfly.installation returns. */
interface Installation {
  /** A database of a release before 0.2 does not return this. */
  dimensions?: number;
  postgres: string;
  at: string;
  extensions: Record<string, string>;
  migrations: { version: string; name: string; md5: string | null }[] | null;
  jobs: string[] | null;
  unprotected: string[];
  policies: string[];
  open_policies: { schema: string; table: string; policy: string; command: string }[];
  pre_request: PreRequest | null;
  statistics: string[];
  timeouts: Record<string, string | null>;
  maintenance: Maintenance;
  broadcasts: Broadcasts;
}

const installation = z.object({
  at: text,
  extensions: object,
  migrations: z.array(object).nullable(),
  jobs: texts.nullable(),
  unprotected: texts,
  policies: texts,
  open_policies: z.array(object),
  pre_request: object.nullable(),
  statistics: texts,
  maintenance: object,
  broadcasts: z.object({ flushed: flag, due: count, lost: object }),
});

/**
 * If the clocks differ by more than this, there is a warning. The database refuses updates from a
 * clock that is more than 60 s ahead.
 */
const mostSkewMs = 30_000;
/** The names in sql/operations/schedules.sql. */
const cronJobs = ["mayfly-maintain", "mayfly-flush", "mayfly-cron-history", "mayfly-settle"];
const netJobs = ["mayfly-embed"];
const anewHint: Hint = {
  hosted:
    "It was made from a copy before 0.1.0 (docs/upgrading.md): drop schema mayfly, mayfly_private cascade (this erases every tenant), npx supabase migration repair <version> --status reverted --remote, then npx supabase db push --remote",
  embedded: (start) => `Erase its data with its folder .mayfly, while it is stopped: ${start}`,
};
const notEmbedded = "The embedded Supabase does not have it";

/**
 * Checks what mayfly.installation reports: migrations, policies, extensions, and other tables that are open to agents.
 */
export async function checkDatabase(connection: Connection): Promise<Finding[]> {
  const answer = await probe(connection, "/rest/v1/rpc/installation", {
    method: "POST",
    body: {},
    headers: inMayfly,
  });
  if (answer.status !== 200) return [await notTold(connection, answer)];
  if (!installation.safeParse(answer.body).success)
    return [
      wrong(
        "migrations",
        "The migrations are older than this CLI, or something other than the Data API answered.",
        anewHint,
      ),
    ];
  const found = answer.body as Installation;
  const migrations = await readMigrations().catch(() => null);
  return [
    checkMigrations(found, migrations),
    ...checkPolicies(found, migrations),
    ...checkOpenPolicies(found),
    ...(await checkGate(connection, found.pre_request)),
    checkStatistics(found.statistics),
    checkTimeouts(found.timeouts),
    ...checkExtensions(found),
    ...checkMaintenance(
      found.maintenance,
      found.jobs?.includes("mayfly-maintain") ?? false,
      Date.parse(found.at),
    ),
    ...checkBroadcasts(found.broadcasts, found.jobs?.includes("mayfly-flush") ?? false),
    checkClock(found, answer.ms),
  ];
}

async function notTold({ url }: Connection, answer: Answer): Promise<Finding> {
  const code = codeOf(answer);
  if (code === "PGRST202")
    return wrong("migrations", "The migrations are older than this CLI.", anewHint);
  if (code === "42501" || code?.startsWith("PGRST30"))
    return wrong(
      "key",
      "This key may not read the installation, because it is not a secret key.",
      await secretKeyHint(url),
    );
  return wrong(
    "migrations",
    `The database did not say what is installed: ${answer.reason ?? `${answer.status} ${code ?? ""}`.trim()}.`,
    {
      hosted: "Try again. The logs have the reason (Logs → Postgres).",
      embedded: (start) => `Try again. What ${start} prints has the reason.`,
    },
  );
}

function checkMigrations({ migrations }: Installation, files: SourceFile[] | null): Finding {
  const check = "migrations";
  if (files === null)
    return skipped(check, "This copy of the CLI has no migrations, so nothing can be compared.");
  if (migrations === null)
    return warning(
      check,
      "The tables exist, but no tool recorded the migrations, so their version is unknown.",
      "If you know that they have this version, run npx supabase migration repair <number> --status applied --remote for each *_mayfly*.sql of your supabase/migrations",
    );
  // Compares by name, because migrations can have other numbers in a project (see mayfly init).
  const recorded = new Map(migrations.map(({ name, md5 }) => [name, md5]));
  const names = (some: SourceFile[]) => some.map(({ path }) => basename(path, ".sql")).join(", ");
  const missing = files.filter((file) => !recorded.has(nameOf(file.path)));
  if (missing.length > 0) return wrong(check, `Not applied: ${names(missing)}.`, pushHint);
  const different = files.filter(
    (file) => recorded.get(nameOf(file.path)) !== fingerprint(file.content),
  );
  const unknown = different.filter((file) => recorded.get(nameOf(file.path)) === null);
  if (different.length > unknown.length)
    return wrong(
      check,
      `Applied in a version other than this CLI's: ${names(different)}.`,
      anewHint,
    );
  if (unknown.length > 0)
    return warning(
      check,
      `Applied, but recorded without their text, so their version is unknown: ${names(unknown)}.`,
      "If you know that they have this version, you do not have to do anything",
    );
  return fine(check, `All ${files.length} are applied, in the version of this CLI.`);
}

/** Like mayfly.installation: without spaces and semicolons, which tools treat differently. */
export const fingerprint = (sql: string): string =>
  createHash("md5")
    .update(sql.replace(/[ \t\r\n;]/g, ""))
    .digest("hex");

function checkPolicies(
  { policies, unprotected }: Installation,
  files: SourceFile[] | null,
): Finding[] {
  const rls: Finding[] = unprotected.map((table) =>
    wrong(
      "row security",
      `${table} has no row-level security.`,
      `alter table ${table} enable row level security;`,
    ),
  );
  if (files === null) return rls;
  const present = new Set(policies);
  // Each policy counts once, although a later release creates some of them again.
  const expected = [...new Set(files.flatMap(({ content }) => policiesOf(content)))];
  const missing = expected.filter((policy) => !present.has(policy));
  const realtime = (policy: string) => policy.includes(" on realtime.messages");
  const own = missing.filter((policy) => !realtime(policy));
  const findings = [...rls];
  if (own.length > 0)
    findings.push(
      wrong(
        "policies",
        `Missing: ${own.join(", ")}.`,
        "In the SQL editor, run their create policy statements from supabase/migrations",
      ),
    );
  else if (rls.length === 0)
    findings.push(
      fine(
        "policies",
        `All ${expected.filter((policy) => !realtime(policy)).length} are there, on tables with row-level security.`,
      ),
    );
  if (missing.some(realtime))
    findings.push(
      wrong(
        "realtime policies",
        `Missing: ${missing.filter(realtime).join(", ")}.`,
        "Run supabase/migrations/*_mayfly_realtime.sql in the SQL editor",
      ),
    );
  else findings.push(fine("realtime policies", "They exist on realtime.messages."));
  return findings;
}

/** `name on schema.table` of each policy that a migration creates. */
export const policiesOf = (sql: string): string[] =>
  [...sql.matchAll(/^create policy (\w+) on ([\w.]+)/gim)].map(
    (match) => `${match[1]} on ${match[2]}`,
  );

/** Agents' tokens have the role `authenticated` in the whole project. */
function checkOpenPolicies({ open_policies }: Installation): Finding[] {
  const check = "open policies";
  if (open_policies.length === 0)
    return [
      fine(check, "No other table is open to every signed-in caller, which includes agents."),
    ];
  return open_policies.map(({ schema, table, policy, command }) =>
    warning(
      check,
      `${schema}.${table}: the policy "${policy}" lets every agent ${command === "all" ? "read and write" : command}: its condition is true.`,
      `To prevent this: alter policy "${policy}" on ${schema}.${table} … ((select auth.jwt() ->> 'iss') is distinct from 'mayfly')`,
    ),
  );
}

function checkExtensions({ extensions, jobs }: Installation): Finding[] {
  const rerun = "run Mayfly's sql/operations/schedules.sql in the SQL editor";
  const enable = `Enable it (Database → Extensions) and ${rerun}`;
  const missing = (names: string[]) => names.filter((name) => !jobs?.includes(name));
  const scheduled = (check: string, names: string[], well: string): Finding =>
    missing(names).length === 0
      ? fine(check, well)
      : warning(
          check,
          `It is enabled, but these jobs are not scheduled: ${missing(names).join(", ")}.`,
          `R${rerun.slice(1)}`,
          notEmbedded,
        );
  const cron =
    extensions.pg_cron === undefined
      ? warning(
          "pg_cron",
          "It is not enabled, so maintenance does not run on its own.",
          `${enable}, or call mayfly.tenants.maintain() regularly`,
          notEmbedded,
        )
      : scheduled("pg_cron", cronJobs, `It runs ${jobs?.join(", ")}.`);
  const net =
    extensions.pg_net === undefined
      ? warning(
          "pg_net",
          "It is not enabled, so memories without a vector wait for the next push.",
          enable,
          notEmbedded,
        )
      : scheduled(
          "pg_net",
          extensions.pg_cron === undefined ? [] : netJobs,
          "It is enabled, and its jobs are scheduled.",
        );
  return [cron, net];
}

function checkClock({ at }: Installation, ms: number): Finding {
  const skew = Math.abs(Date.now() - ms / 2 - Date.parse(at));
  if (skew <= mostSkewMs) return fine("clock", "This machine's clock and the database's agree.");
  return warning(
    "clock",
    `This machine's clock and the database's differ by ${duration(skew)}.`,
    "Set this machine's clock (NTP), because updates from a clock more than 60 s ahead are refused",
  );
}
