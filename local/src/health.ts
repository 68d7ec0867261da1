import type { Api } from "./api/index.ts";
import type { Database } from "./db/index.ts";
import type { FunctionsHost } from "./functions/index.ts";
import type { Realtime } from "./realtime/index.ts";

type State = "ok" | "starting" | "down";

/** What /health answers: each part, its state, its version. */
export interface Health {
  status: State;
  /** This start of the embedded Supabase. */
  instance: string;
  parts: Record<string, { state: State; version?: string; [more: string]: unknown }>;
}

interface Parts {
  instance: string;
  database: Database | undefined;
  /** Of the database. */
  crashed: boolean;
  api: Api | undefined;
  realtime: Realtime | undefined;
  functions: FunctionsHost | undefined;
}

/** The health of what has been started so far. */
export function healthOf({ instance, database, crashed, api, realtime, functions }: Parts): Health {
  const parts: Health["parts"] = {
    database: database
      ? { state: crashed ? "down" : "ok", kind: database.kind, version: database.version }
      : { state: "starting" },
    api: api ? { state: api.health().status, ...api.health() } : { state: "starting" },
    realtime: realtime?.health() ?? { state: "starting" },
    functions: functions?.health() ?? { state: "starting" },
  };
  const states = Object.values(parts).map((part) => part.state);
  const status = states.includes("down") ? "down" : states.includes("starting") ? "starting" : "ok";
  return { status, instance, parts };
}
