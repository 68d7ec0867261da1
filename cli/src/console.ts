import type { Command } from "commander";
import { namedTenant, usedTenant } from "./choose-tenant.ts";
import { type CommonOptions, execute, type Session, whole, withJson } from "./command.ts";
import { findConnection, readEnvironment } from "./connection.ts";
import {
  checkPublishableKey,
  findPublishable,
  noPublishable,
  type Publishable,
} from "./connection-publishable.ts";
import { serveConsole } from "./console-server.ts";
import { Failure, usage } from "./failure.ts";
import { isUuid } from "./format-values.ts";
import { instanceAt, secretKeyHint, startCommand } from "./here.ts";
import { aborted } from "./interruption.ts";
import { type Embedded, findEmbedded } from "./running.ts";

interface Options extends CommonOptions {
  url?: string;
  key?: string;
  tenant?: string;
  port: number;
}

const examples = `
The console is a page that signs people in: it has the publishable key, and never the secret one.

Examples:
  mayfly console                                      of the embedded Supabase that runs here: a link that signs you in once
  mayfly console --tenant acme                        the same, and opens this tenant
  mayfly console --url https://<ref>.supabase.co --key sb_publishable_…
  mayfly console --port 4000`;

export function addConsole(program: Command): void {
  const command = program
    .command("console")
    .description("serve the web console of a project on this machine, until Ctrl-C")
    .option("--url <url>", "URL of the project (default: MAYFLY_URL or SUPABASE_URL)")
    .option(
      "--key <key>",
      "its publishable key (default: MAYFLY_PUBLISHABLE_KEY or SUPABASE_PUBLISHABLE_KEY)",
    )
    .option(
      "--tenant <tenant>",
      "tenant to open: its id, or with the embedded Supabase also its name (default: MAYFLY_TENANT, or the one from mayfly use)",
    )
    .option("--port <port>", "port to serve it on", whole(0, 65_535), 4_321)
    .addHelpText("after", examples);
  withJson(command).action((options: Options) =>
    execute(options, (session) => open(options, session)),
  );
}

async function open(options: Options, session: Session): Promise<undefined> {
  const { output, interruption } = session;
  const named = await findPublishable(options);
  const embedded = named?.key ? null : await embeddedOf(named);
  // The embedded Supabase serves the console itself, and knows its developer.
  if (embedded) {
    const tenant = await tenantIn(embedded, options);
    const url = `${await linkOf(embedded)}${tenant ? `&tenant=${tenant}` : ""}`;
    output.answer({ url }, () => [`Open the console, signed in (the link works once): ${url}`]);
    return undefined;
  }
  if (!named)
    throw new Failure("No project was given, and none is running here.", {
      hint: `Set MAYFLY_URL and MAYFLY_PUBLISHABLE_KEY (or --url and --key), or start one here: ${await startCommand()}`,
      exitCode: 2,
      code: "usage",
    });
  const { url, key } = named;
  if (!key) throw noPublishable(named);
  checkPublishableKey(key);
  const place = await placeOf(options);
  const serving = await serveConsole({ url, key }, options.port);
  try {
    output.answer({ url: `${serving.url}${place}`, project: url }, () => [
      `The console of ${url}: ${serving.url}${place}`,
      "Ctrl-C ends it.",
    ]);
    await aborted(interruption.signal);
  } finally {
    await serving.close();
  }
  return undefined;
}

/** The embedded Supabase at the URL that is set, or the one that runs here. */
async function embeddedOf(named: Publishable | null): Promise<Embedded | null> {
  const here = await findEmbedded(process.cwd());
  if (!named) return here;
  const key = named.secret ?? (here?.url === named.url ? here.key : null);
  return key && (await instanceAt(named.url)) ? { url: named.url, key } : null;
}

/** The id of the tenant to open. Undefined if none was chosen. */
async function tenantIn({ url, key }: Embedded, { tenant }: Options): Promise<string | undefined> {
  const connection = await findConnection({ url, key, ...(tenant !== undefined && { tenant }) });
  const { tenant: named } = connection;
  const found =
    named === undefined ? await usedTenant(connection) : await namedTenant(connection, named);
  return found?.id;
}

/** The place in the page's address that opens a tenant. The publishable key cannot look a name up. */
async function placeOf({ tenant }: Options): Promise<string> {
  if (tenant !== undefined && !isUuid(tenant))
    throw usage(
      `With the publishable key, the tenant ${tenant} cannot be found by its name.`,
      "Pass the tenant's id to --tenant, or choose the tenant in the console.",
    );
  const named = tenant ?? (await readEnvironment(process.cwd(), process.env)).MAYFLY_TENANT;
  return named && isUuid(named) ? `#/${named}/now` : "";
}

/** Asks an embedded Supabase for a new link to its console. */
async function linkOf({ url, key }: { url: string; key: string }): Promise<string> {
  const response = await fetch(`${url}/console/link`, {
    method: "POST",
    headers: { apikey: key },
    signal: AbortSignal.timeout(5_000),
  }).catch(() => null);
  const answer = (await response?.json().catch(() => null)) as { data?: { url?: string } } | null;
  if (answer?.data?.url) return answer.data.url;
  if (response?.status === 401 || response?.status === 403)
    throw new Failure(`${url} does not accept this key.`, { hint: await secretKeyHint(url) });
  throw new Failure(`The embedded Supabase at ${url} serves no console.`, {
    hint: `Stop it, and start it again with: ${await startCommand()}`,
  });
}
