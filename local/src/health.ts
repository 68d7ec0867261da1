import manifest from "../package.json" with { type: "json" };
import type { Api } from "./api/index.ts";
import type { Database } from "./db/index.ts";
import type { FunctionsHost } from "./functions/index.ts";
import type { Realtime } from "./realtime/index.ts";
import type { Storage } from "./storage/index.ts";

type State = "ok" | "starting" | "down";

/** The answer of /health: each part with its state and version. */
export interface Health {
  status: State;
  /** The id of this start of the embedded Supabase. */
  instance: string;
  parts: Record<string, { state: State; version?: string; [more: string]: unknown }>;
}

interface Parts {
  instance: string;
  database: Database | undefined;
  /** The version of pgvector, once it is known. */
  pgvector: string | undefined;
  /** Whether the database has ended unexpectedly. */
  crashed: boolean;
  api: Api | undefined;
  realtime: Realtime | undefined;
  storage: Storage | undefined;
  functions: FunctionsHost | undefined;
}

/** The Data API and Auth are @supabase/lite's. */
const lite = `@supabase/lite ${manifest.dependencies["@supabase/lite"]}`;
/** The version of the Realtime server whose frames were recorded: see realtime/README.md. */
const emulatedRealtime = "2.129.8";
/** The version of storage-api that the answers follow. */
const emulatedStorage = "1.11.2";

/** The health of the parts that have started so far. */
export function healthOf(given: Parts): Health {
  const { instance, database, pgvector, crashed, api, realtime, storage, functions } = given;
  const { status: apiState = "starting", ...ofApi } = api?.health() ?? {};
  const parts: Health["parts"] = {
    database: database
      ? {
          state: crashed ? "down" : "ok",
          kind: database.kind,
          version: database.version,
          ...(pgvector !== undefined && { pgvector }),
        }
      : { state: "starting" },
    api: { state: apiState, version: lite, ...ofApi },
    auth: { state: apiState, version: lite },
    realtime: { ...(realtime?.health() ?? { state: "starting" }), version: emulatedRealtime },
    storage: { state: storage ? "ok" : "starting", version: emulatedStorage },
    functions: functions?.health() ?? { state: "starting" },
  };
  if (crashed)
    for (const part of ["api", "auth", "realtime", "storage"]) parts[part] = { state: "down" };
  const states = Object.values(parts).map((part) => part.state);
  const status = states.includes("down") ? "down" : states.includes("starting") ? "starting" : "ok";
  return { status, instance, parts };
}
