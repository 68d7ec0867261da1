import { randomUUID } from "node:crypto";
import { type Issued, Mayfly } from "@mayfly/sdk";
import type { Connection } from "./connection.ts";
import { checkEmbeddings } from "./doctor-embeddings.ts";
import type { Stop } from "./doctor-entry.ts";
import { renewFunctions } from "./doctor-functions.ts";
import { type Finding, fine, type Hint, skipped, warning, wrong } from "./finding.ts";
import { installedName } from "./functions.ts";
import { codeOf, inMayfly, probe } from "./probe.ts";
import { privateJoin } from "./realtime.ts";

interface Before {
  /**
   * The failed check that keeps the secret key from reaching the database. Null if there is none.
   */
  stop: Stop | null;
  deployed: boolean;
  joinable: boolean;
}

const ownKey = (start: string) =>
  `Remove MAYFLY_SIGNING_KEY from supabase/functions/.env, because it has its own, and stop it and start it again: ${start}`;
const importKey =
  "npx supabase gen signing-key --algorithm ES256; import it under Project Settings → JWT Keys, rotate to it, and npx supabase secrets set MAYFLY_SIGNING_KEY='<the JWK>'";
const signHint: Hint = { hosted: importKey, embedded: ownKey };
const sameKeyHint: Hint = {
  hosted: `The function secret and the project must have the same key: ${importKey}`,
  embedded: ownKey,
};

/** Whether an agent can be spawned, and its token works everywhere. */
export async function checkAgents(connection: Connection, before: Before): Promise<Finding[]> {
  if (before.stop !== null || !before.deployed) {
    const first = before.stop ?? "functions";
    const are = first.endsWith("s") ? "are" : "is";
    return [skipped("signing key", `Skipped until the ${first} ${are} fixed.`)];
  }
  const { url, key, functionsPrefix } = connection;
  const prefix = functionsPrefix && { functionsPrefix };
  const name = `mayfly-doctor-${randomUUID()}`;
  const made = await new Mayfly({ url, key }).tenants.create({ name });
  if (made.error)
    return [
      wrong("signing key", `The check could not create a tenant: ${made.error.message}`, {
        hosted: "Try again. The logs have the reason (Logs → Postgres)",
        embedded: (start) => `Try again. What ${start} prints has the reason`,
      }),
    ];
  const mayfly = new Mayfly({ url, key, tenant: made.data.id, ...prefix });
  const findings: Finding[] = [];
  try {
    const spawned = await mayfly.agents.issue({
      name: "doctor",
      lifetime: 60,
      scopes: ["memory:read", "presence:read"],
    });
    if (spawned.error) {
      const { code, message } = spawned.error;
      findings.push(
        code === "not_configured"
          ? wrong("signing key", message, signHint)
          : wrong(
              "signing key",
              `The check could not spawn an agent: ${message}`,
              spawned.error.hint ?? "The function's logs have the reason",
            ),
      );
    } else {
      findings.push(...(await checkToken(connection, spawned.data, before.joinable)));
      findings.push(await checkEmbeddings(connection, mayfly));
    }
  } finally {
    const erased = await mayfly.tenants.erase({ name });
    if (erased.error)
      findings.push(
        warning(
          "cleaning",
          `The check could not erase its tenant ${name}: ${erased.error.message}`,
          `Erase it: select mayfly.erase_tenant('${name}') as the secret key in it`,
        ),
      );
  }
  return findings;
}

async function checkToken(
  connection: Connection,
  { agent, token }: Issued,
  joinable: boolean,
): Promise<Finding[]> {
  const tenant = agent.tenant_id;
  const [rows, synced, joined] = await Promise.all([
    probe(connection, "/rest/v1/tenants?select=id", { token, headers: inMayfly }),
    probe(connection, `/functions/v1/${installedName(connection, "sync")}`, {
      method: "POST",
      body: { limit: 1 },
      token,
    }),
    joinable ? privateJoin(connection, `tenant:${tenant}:agent:${agent.id}`, token) : null,
  ]);
  const seen = JSON.stringify(rows.body) === JSON.stringify([{ id: tenant }]);
  return [
    seen
      ? fine("signing key", "The Data API accepts an agent's token.")
      : rows.status === 401
        ? wrong(
            "signing key",
            "The Data API does not know the key that signs agents' tokens.",
            sameKeyHint,
          )
        : wrong(
            "signing key",
            `The Data API does not show an agent its own tenant: ${rows.reason ?? `${rows.status} ${codeOf(rows) ?? ""}`.trim()}.`,
            "Apply the migrations and policies again (see above)",
          ),
    synced.status === 200
      ? fine("agent sync", "The functions accept it.")
      : seen
        ? wrong(
            "agent sync",
            `The functions refuse an agent's token: ${synced.reason ?? `${synced.status} ${codeOf(synced) ?? ""}`.trim()}.`,
            { hosted: "npx supabase functions deploy spawn sync query", embedded: renewFunctions },
          )
        : skipped("agent sync", "Skipped until the signing key is fixed."),
    joined === null
      ? skipped("agent realtime", "Skipped until Realtime is fixed.")
      : joined.problem === null
        ? fine("agent realtime", "An agent can join its private channel.")
        : seen
          ? wrong(
              "agent realtime",
              `An agent cannot join its private channel: ${joined.problem}.`,
              "Run supabase/migrations/*_mayfly_realtime.sql in the SQL editor. If the signing key is only a standby key, rotate to it",
            )
          : skipped("agent realtime", "Skipped until the signing key is fixed."),
  ];
}
