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

/**
 * A call that has no answer after this time is treated as lost. The platform itself would wait for up to
 * 150 s.
 */
export const timeoutMs = 60_000;
/**
 * The function `query` has 5 s for an embedding and 8 s in the database. The wait is shorter than for other
 * calls, because the caller may have its own fallback.
 */
const queryTimeoutMs = 20_000;

const envelope = z.object({ data: z.unknown() });

export interface CallOptions {
  method?: "POST" | "DELETE";
  headers?: Record<string, string>;
  /** Called with the HTTP response, if there was one. */
  onResponse?: (response: Response) => void;
}

/**
 * Calls an edge function and unwraps its `{ data, error }`.
 *
 * @param form the form of the data. An answer of another form is not from Mayfly, and becomes `unavailable`.
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
 * Converts the answer to a Data API call into a result.
 *
 * @param form the form of the data. An answer of another form is not from Mayfly, and becomes `unavailable`.
 */
export function fromDataApi<T>(
  { data, error, status }: { data: unknown; error: unknown; status: number },
  form: z.ZodType<T>,
  where = "the Data API",
): Result<T> {
  // An answer that cannot be read has an error and a success status.
  if (error === null && status >= 200 && status < 300) return inForm(data, form, where);
  return failed(refusalOfDataApi(error, status, where));
}

/** Returns the answer itself, so that fields of later releases are kept. */
function inForm<T>(data: unknown, form: z.ZodType<T>, where: string): Result<T> {
  const { success, error } = form.safeParse(data);
  return success ? ok(data as T) : failed(foreign(where, error));
}

/**
 * `fetch` for the clients of the Data API. postgrest-js treats a 404 without a body as success, a 404 with a
 * list as an empty list, and a 200 without a body as null. A proxy can send all of these, but PostgREST sends
 * none of them. So these answers are replaced by a text, which is never a valid answer.
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
