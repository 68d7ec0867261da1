import { AsyncLocalStorage } from "node:async_hooks";
import type { CompiledQuery, OperationNode } from "kysely";
import type { Claims } from "../tokens.ts";
import type { Veil } from "./filters.ts";
import type { Preferences } from "./preferences.ts";

/** The largest number of rows in an answer, as on hosted projects by default. */
export const maxRows = 1000;

/** What the transaction has set for the answer. */
export interface Said {
  /** `response.status`, with which a function sets the answer's status. */
  readonly status: string | null;
  /** `response.headers`. */
  readonly headers: string | null;
  /** How many rows an upsert inserted. */
  readonly inserted: string | null;
}

/** The settings for the database session of one Data API request, and its results. */
export interface RequestContext {
  readonly method: string;
  /** The path that PostgREST sees, without `/rest/v1`. */
  readonly path: string;
  /** The schema of the profile headers, or the first exposed one. */
  readonly schema: string;
  /** Names are in lower case. `authorization` and `apikey` are as the caller sent them. */
  readonly headers: Record<string, string>;
  readonly role: string;
  readonly claims: Claims;
  /** A random value that lite gets in place of an API key. It tells lite's resolver of API keys which request this is. */
  readonly nonce: string;
  readonly preferences: Preferences;
  /** Hides the values of the request's filters from lite, and puts them back into the statement. */
  readonly veil: Veil;
  /** Called with the statement that lite would send. That statement is then not sent. */
  probe?: (statement: OperationNode) => void;
  /** Makes the statement that is sent instead of lite's. That statement returns each row as JSON. */
  rewrite?: (statement: OperationNode) => CompiledQuery;
  /** How many rows the statement returned. */
  rows?: number;
  /**
   * Whether the request may return or change this number of rows. If not, the transaction is rolled
   * back.
   */
  check?: (rows: number) => boolean;
  /** Our own answer, which replaces lite's. */
  answer?: Response;
  /** What the transaction set for its answer. */
  said?: Said;
}

/** The request that the running code serves. Needed because lite passes headers only to RPC. */
export const requestContext = new AsyncLocalStorage<RequestContext>();
