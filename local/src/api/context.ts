import { AsyncLocalStorage } from "node:async_hooks";
import type { Claims } from "../tokens.ts";

/** More rows than these are not given, as on hosted projects by default. */
export const maxRows = 1000;

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
  /** An answer of ours that replaces lite's. */
  answer?: Response;
}

/** The request that the running code works for: lite passes headers to RPC only. */
export const requestContext = new AsyncLocalStorage<RequestContext>();
