import {
  FunctionsFetchError,
  FunctionsHttpError,
  type SupabaseClient,
} from "@supabase/supabase-js";
import { z } from "zod";
import type { Database } from "../contract/database.types.ts";
import { failed, MayflyError, ok, type Result } from "../contract/errors.ts";
import { foreign, refusalOfDataApi, refusalOfFunction } from "./refusals.ts";

export type MayflyClient = SupabaseClient<Database, "mayfly">;

/** The platform itself answers within 150 s; what takes longer than this is as good as gone. */
export const timeoutMs = 60_000;
/** It has 5 s for an embedding and 8 s in the database, and who asks may have an answer of its own. */
const queryTimeoutMs = 20_000;

const envelope = z.object({ data: z.unknown() });

export interface CallOptions {
  method?: "POST" | "DELETE";
  headers?: Record<string, string>;
  /** Shown what came over HTTP, if anything did. */
  onResponse?: (response: Response) => void;
}

/**
 * Calls an edge function and unwraps its `{ data, error }`.
 *
 * @param form of the data: what has another is no answer of ours, and `unavailable`.
 */
export async function callFunction<T>(
  client: MayflyClient,
  path: string,
  form: z.ZodType<T>,
  body: object,
  { method = "POST", headers = {}, onResponse }: CallOptions = {},
): Promise<Result<T>> {
  const { data, error, response } = await client.functions.invoke<unknown>(path, {
    body,
    method,
    timeout: path === "query" ? queryTimeoutMs : timeoutMs,
    headers,
  });
  if (response) onResponse?.(response);
  if (!error) {
    const answer = envelope.safeParse(data);
    return answer.success
      ? inForm(answer.data.data, form, `the function ${path}`)
      : failed(foreign(`the function ${path}`));
  }
  if (error instanceof FunctionsHttpError) {
    const refused = error.context as Response;
    const said: unknown = await refused.json().catch(() => null);
    return failed(refusalOfFunction(said, refused.status, path));
  }
  const reason =
    error instanceof FunctionsFetchError ? "could not be reached" : "failed on the way";
  return failed(
    new MayflyError(
      {
        code: "unavailable",
        message: `The function ${path} ${reason}.`,
        hint: "Check the URL and the network, then try again.",
        details: null,
      },
      { cause: error },
    ),
  );
}

/**
 * The result of a Data API call.
 *
 * @param form of the data: what has another is no answer of ours, and `unavailable`.
 */
export function fromDataApi<T>(
  { data, error, status }: { data: unknown; error: unknown; status: number },
  form: z.ZodType<T>,
  where = "the Data API",
): Result<T> {
  // An unreadable answer has an error and a success status.
  if (error === null && status >= 200 && status < 300) return inForm(data, form, where);
  return failed(refusalOfDataApi(error, status, where));
}

/** The answer as it came, so that what a later release adds is not lost. */
function inForm<T>(data: unknown, form: z.ZodType<T>, where: string): Result<T> {
  const { success, error } = form.safeParse(data);
  return success ? ok(data as T) : failed(foreign(where, error));
}

/**
 * `fetch` for the clients of the Data API. postgrest-js takes a 404 without a body for a success, one
 * with a list for an empty list, and a 200 without a body for null. A proxy answers all of these, and
 * PostgREST none: so they become a text, which no answer of ours is.
 */
export const fetchAnswer: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const read = response.text.bind(response);
  response.text = async () => {
    const body = await read();
    const mistaken = body === "" || (response.status === 404 && !body.trimStart().startsWith("{"));
    return mistaken ? '""' : body;
  };
  return response;
};
