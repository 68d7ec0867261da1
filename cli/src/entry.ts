import { list } from "@mayfly/sdk/contract/answer-form";
import { behindRow, tenantRow } from "@mayfly/sdk/internal";
import type { Connection } from "./connection.ts";
import type { Hint } from "./finding.ts";
import { isLoopback, secretKeyHint, unreachableHint } from "./here.ts";
import { type Answer, codeOf, inMayfly, probe } from "./probe.ts";

export interface KnownTenant {
  id: string;
  name: string;
  created_at: string;
}

/** What happened when the CLI entered a project with a secret key. If that failed, `hint` says how to fix it. */
export type Entry =
  | { at: "inside"; tenants: KnownTenant[]; ms: number }
  | {
      at:
        | "unreachable"
        | "not_supabase"
        | "key_refused"
        | "schema_not_exposed"
        | "not_installed"
        | "failed";
      message: string;
      hint: Hint;
      ms: number;
    };

const again = (start: string) => `stop it and start it again: ${start}`;
const exposeHint: Hint = {
  hosted:
    "Project Settings → Data API → Exposed schemas: add mayfly (self-hosted: PGRST_DB_SCHEMAS).",
  embedded: (start) => `Add mayfly to schemas of [api] in supabase/config.toml, ${again(start)}`,
};
const push =
  "npx supabase link --project-ref <ref> && npx supabase db push --remote (CLI 2: without --remote)";
const renew = (start: string) => `Add or renew Mayfly with npx mayfly init, ${again(start)}`;
export const pushHint: Hint = { hosted: push, embedded: renew };
/**
 * If somebody has dropped the schema, its migrations still count as applied, so a push would find
 * nothing to do.
 */
const installHint: Hint = {
  hosted: `${push}; if it finds nothing to push, first run npx supabase migration repair <version> --status reverted --remote for each of Mayfly's migrations`,
  embedded: renew,
};

/**
 * Reads tenants, which needs the URL, the key, the exposed schema and the migrations.
 *
 * @param filter for the Data API, such as `name=eq.acme`, because a project may have more tenants than a
 * page.
 */
export async function enter(connection: Connection, filter = ""): Promise<Entry> {
  const path = `/rest/v1/tenants?select=id,name,created_at&order=created_at,id&${filter}`;
  return entryOf(connection, await probe(connection, path, { headers: inMayfly }));
}

/** All tenants, if the first page has them. Undefined if a page fails. */
export async function everyTenant(
  connection: Connection,
  tenants: KnownTenant[],
): Promise<KnownTenant[] | undefined> {
  const all = [...tenants];
  for (let page = tenants; page.length > 0; all.push(...page)) {
    const last = page.at(-1) as KnownTenant;
    const entry = await enter(connection, `or=(${encodeURIComponent(behindRow(last))})`);
    if (entry.at !== "inside" || entry.tenants[0]?.id === page[0]?.id) return undefined;
    page = entry.tenants;
  }
  return all;
}

async function entryOf({ url }: Connection, answer: Answer): Promise<Entry> {
  const { status, body, ms, reason } = answer;
  const stop = (at: Exclude<Entry["at"], "inside">, message: string, hint: Hint): Entry => ({
    at,
    message,
    hint,
    ms,
  });
  const code = codeOf(answer);
  if (reason !== null)
    return stop(
      "unreachable",
      `${url} could not be reached: ${reason}.`,
      await unreachableHint(url),
    );
  const tenants = list(tenantRow).safeParse(body);
  if (status === 200 && tenants.success) return { at: "inside", tenants: tenants.data, ms };
  // An HTML page does not come from the gateway or the Data API.
  if (status === 401 && body !== null)
    return stop("key_refused", `${url} does not accept this key.`, await secretKeyHint(url));
  if (code === "PGRST106")
    return stop(
      "schema_not_exposed",
      "The schema mayfly is not exposed by the Data API.",
      exposeHint,
    );
  // PGRST002: the schema cache cannot be built, for example because an exposed schema does not exist.
  if (["PGRST205", "PGRST204", "PGRST002", "42P01", "3F000"].includes(code ?? ""))
    return stop("not_installed", "Mayfly's migrations are not applied.", installHint);
  if (status === 403 || code === "42501")
    return stop(
      "key_refused",
      "This key may not read the tenants, because it is not a secret key.",
      await secretKeyHint(url),
    );
  // The Data API first calls the project's own function, which no longer exists.
  if (code === "42883")
    return stop(
      "failed",
      "Every request fails, because the Data API calls a pre-request function that does not exist.",
      "In the SQL editor: alter role authenticator reset pgrst.db_pre_request; notify pgrst, 'reload config';",
    );
  // PGRST125: the URL has a path after the project's, such as that of the Data API.
  if (body === null || code === undefined || code === "PGRST125")
    return stop(
      "not_supabase",
      `${url} is not a Supabase project: it answered ${status}.`,
      `The URL should look like ${isLoopback(url) ? "http://127.0.0.1:54321" : "https://<ref>.supabase.co"}, without a path.`,
    );
  const { message } = body as { message?: unknown };
  return stop(
    "failed",
    `The Data API answered ${status}: ${typeof message === "string" ? message : code}.`,
    {
      hosted: "See the logs of the Data API (Logs → API Gateway).",
      embedded: (start) => `What ${start} prints has the reason.`,
    },
  );
}
