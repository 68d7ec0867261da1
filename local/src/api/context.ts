import { AsyncLocalStorage } from "node:async_hooks";
import type { CompiledQuery, OperationNode } from "kysely";
import type { Claims } from "../tokens.ts";
import type { Veil } from "./filters.ts";
import type { Preferences } from "./preferences.ts";

/** More rows than these are not given, as on hosted projects by default. */
export const maxRows = 1000;

/** What the database says about the answer at the end of the transaction. */
export interface Said {
  /** `response.status`, by which a function sets the answer's status. */
  readonly status: string | null;
  /** `response.headers`. */
  readonly headers: string | null;
  /** How many rows an upsert inserted. */
  readonly inserted: string | null;
}

/** What the database session of one Data API request is set up with, and what it answered. */
export interface RequestContext {
  readonly method: string;
  /** As PostgREST sees it: without `/rest/v1`. */
  readonly path: string;
  /** Of the profile headers, or the first exposed schema. */
  readonly schema: string;
  /** Lower-cased names; `authorization` and `apikey` as the caller sent them. */
  readonly headers: Record<string, string>;
  readonly role: string;
  readonly claims: Claims;
  /** Names this request alone to lite's resolver of API keys. */
  readonly nonce: string;
  readonly preferences: Preferences;
  /** The values of its filters. */
  readonly veil: Veil;
  /** Takes the statement that lite would send, which is not sent. */
  probe?: (statement: OperationNode) => void;
  /** Makes the statement that is sent instead of lite's, and gives rows as JSON. */
  rewrite?: (statement: OperationNode) => CompiledQuery;
  /** How many rows the statement gave. */
  rows?: number;
  /** Whether so many may be: otherwise the transaction is rolled back. */
  check?: (rows: number) => boolean;
  /** An answer of ours that replaces lite's. */
  answer?: Response;
  /** What the transaction said about its answer. */
  said?: Said;
}

/** The request that the running code works for: lite passes headers to RPC only. */
export const requestContext = new AsyncLocalStorage<RequestContext>();
