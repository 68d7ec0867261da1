import { isTooDeep } from "../depth.ts";
import { Refusal } from "./caller.ts";
import { apiError } from "./errors.ts";

/** Hosted projects accept more, but a body of this size is probably a mistake. */
export const maxBodyBytes = 16_000_000;

/**
 * The body of a request as text. If it is too long, the rest is read and dropped, so that the
 * sender gets the error.
 * @throws Refusal in PostgREST's envelope
 */
export async function readBody(request: Request): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > maxBodyBytes) chunks.length = 0;
    else chunks.push(chunk);
  }
  if (size > maxBodyBytes) throw tooLarge();
  const text = Buffer.concat(chunks).toString("utf8");
  if (isTooDeep(text)) throw tooDeep();
  return text;
}

const tooLarge = () =>
  new Refusal(
    apiError(413, {
      code: "PGRSTX01",
      message: `The body has more than ${maxBodyBytes / 1_000_000} MB.`,
      hint: "Send it in several parts.",
    }),
  );

/**
 * The error that Postgres would return. The text is refused before JavaScript or WebAssembly runs
 * out of stack.
 */
const tooDeep = () =>
  new Refusal(
    apiError(413, {
      code: "54001",
      message: "stack depth limit exceeded",
      hint: "The embedded Supabase accepts JSON with at most 1000 levels.",
    }),
  );
