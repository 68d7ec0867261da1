/**
 * Decides what an unsuccessful answer means. A refusal ends a renewal, an inbox or a watch for
 * good. So an answer counts as a refusal only if it comes from Mayfly, the Data API or the API
 * gateway. Everything else comes from something in between (a proxy, a firewall, a captive portal)
 * and says nothing about the request. It becomes `unavailable` and is retried.
 *
 * | Answer                                             | Becomes                    |
 * | -------------------------------------------------- | -------------------------- |
 * | an error with a code of Mayfly                     | that code                  |
 * | `JWT expired`, `JWT not yet valid` (PGRST303)      | `unavailable` (temporary)  |
 * | PGRST301, 302, other 303; 42501, class 28          | `not_authorized`           |
 * | the gateway's 401 or 403 about the API key         | `not_authorized`           |
 * | PGRST200, 202, 204, 205; 42703, 42P01              | `version_unsupported`      |
 * | PGRST106, 203, 300; 42883, 3F000                   | `not_configured`           |
 * | PGRST1xx; classes 21, 22, 23, 54                   | `invalid_request`          |
 * | PGRST0xx; classes 08, 25, 40, 53, 55, 57, 58, XX   | `unavailable`              |
 * | another code of Postgres or PostgREST, below 500   | `invalid_request`          |
 * | everything else, whatever its status               | `unavailable`              |
 */
import { z } from "zod";
import { type ErrorCode, errorCodes, isErrorCode, MayflyError } from "../contract/errors.ts";
import { olderDatabase } from "../contract/older-database.ts";
import { storableRule } from "../contract/storable.ts";
import { unfinishedCall } from "../contract/unfinished-call.ts";

/** An error in the envelope of the functions. */
const envelope = z.object({
  error: z.object({
    code: z.enum(errorCodes),
    message: z.string(),
    hint: z.string().nullish(),
    details: z.unknown(),
    request_id: z.string().optional(),
  }),
});
/** An error of the Data API: from PostgREST, from Postgres, or one of ours that SQL raised. */
const dataApiError = z.object({
  code: z
    .enum(errorCodes)
    .or(z.string().regex(/^(?:PGRST\d{3}|(?:\d[\dA-Z]|[FHPX][\dVX])[\dA-Z]{3})$/)),
  message: z.string(),
  hint: z.string().nullish(),
  details: z.unknown(),
});
/** How the API gateway refuses a key: `Invalid API key`, `No API key found in request`. */
const gatewayError = z.object({ message: z.string().regex(/\bAPI keys?\b/i) });

const codes: [RegExp, ErrorCode][] = [
  [/^PGRST30[123]$|^42501$|^28/, "not_authorized"],
  [/^PGRST(?:106|203|300)$|^42883$|^3F000$/, "not_configured"],
  [/^PGRST1|^2[123]|^54/, "invalid_request"],
  [/^PGRST0|^(?:08|25|40|53|55|57|58|XX)/, "unavailable"],
];

/** The error for an answer of a function, or of something in front of it. */
export function refusalOfFunction(body: unknown, status: number, path: string): MayflyError {
  const ours = envelope.safeParse(body).data?.error;
  if (ours) {
    const { code, message, hint = null, details = null, request_id } = ours;
    return new MayflyError({ code, message, hint, details, ...(request_id && { request_id }) });
  }
  return (
    refusedKey(body, status) ??
    inFront(status, `the function ${path}`, body, status === 404 ? notDeployed(path) : undefined)
  );
}

/** The error for an answer of the Data API, or of something in front of it. */
export function refusalOfDataApi(
  cause: unknown,
  status: number,
  where = "the Data API",
): MayflyError {
  if (!status) return unreached(cause, where);
  const error = dataApiError.safeParse(cause).data;
  if (!error) return refusedKey(cause, status) ?? inFront(status, where, cause);
  const { code, message, hint } = error;
  const details = detailsOf(error.details);
  if (isErrorCode(code))
    return new MayflyError({ code, message, hint: hint || null, details }, { cause });
  if (/^JWT (?:expired|not yet valid|issued at future)/i.test(message)) return passing(cause);
  const said = olderDatabase(error, "sdk") ?? unfinishedCall(error);
  if (said) return new MayflyError(said, { cause });
  const meant = codes.find(([pattern]) => pattern.test(code))?.[1];
  if (unfitCodes.includes(code)) return unfit(error, details, cause);
  const fallback = status < 500 ? "invalid_request" : "unavailable";
  const doctor =
    "Something that this SDK calls is missing in the project. Run npx mayfly doctor to see what.";
  return new MayflyError(
    {
      code: meant ?? fallback,
      message,
      hint: hint || (meant === "not_configured" ? doctor : null),
      details,
    },
    { cause },
  );
}

/** The error for a successful answer that does not have the form of Mayfly's answers. */
export const foreign = (where: string, cause?: unknown) =>
  new MayflyError(
    {
      code: "unavailable",
      message: `Something other than ${where} answered.`,
      hint: "It may be a proxy or the sign-in page of a network. Check the URL and the network, then try again.",
      details: null,
    },
    cause === undefined ? undefined : { cause },
  );

function refusedKey(body: unknown, status: number): MayflyError | undefined {
  const said = gatewayError.safeParse(body).data;
  if (!said || (status !== 401 && status !== 403)) return undefined;
  return new MayflyError({
    code: "not_authorized",
    message: `${said.message.replace(/\.?$/, "")}.`,
    hint: "Use a key of this project: Project Settings → API Keys. An embedded one prints its keys.",
    details: { status },
  });
}

const notDeployed = (path: string) => ({
  message: `The project has no function ${path}.`,
  hint: "Check the URL, and check with npx mayfly doctor that the functions are deployed.",
});

/** An error of the platform itself, for example that a function did not start. */
const platformError = z.object({ message: z.string() });

function inFront(
  status: number,
  where: string,
  body: unknown,
  said?: { message: string; hint: string },
) {
  if (!said && status >= 200 && status < 300) return foreign(where);
  const told = platformError.safeParse(Object(body).error ?? body).data?.message;
  const why = told ? `: ${told.slice(0, 200).replace(/\.$/, "")}` : "";
  return new MayflyError({
    code: "unavailable",
    message: `Something in front of ${where} answered ${status}${why}.`,
    hint: "Try again. If this keeps happening, run npx mayfly doctor.",
    details: { status },
    ...said,
  });
}

/** The error if there was no answer. */
function unreached(cause: unknown, where: string): MayflyError {
  const { details, message } = cause as { details?: string; message?: string };
  // `details` contain the stack. In Node, the reason is the cause of "fetch failed".
  const [, why] = /^Caused by: (?:\w+: )?(.*?)(?: \(\w+\))?$/m.exec(details ?? "") ?? [];
  const reason = why ?? String(message).replace(/^\w*Error: /, "");
  return new MayflyError(
    {
      code: "unavailable",
      message: `${where.replace(/^t/, "T")} could not be reached: ${reason}.`,
      hint: "Check the URL and the network, then try again.",
      details: null,
    },
    { cause },
  );
}

/** Errors of Postgres about a value: wrong type, out of range, not an instant, not a text. */
const unfitCodes = ["22P02", "22003", "22007", "22008", "22P05"];

function unfit(
  { code, message }: { code: string; message: string },
  details: unknown,
  cause: unknown,
): MayflyError {
  // The SDK itself wrote the JSON, so its only possible fault is a text that Postgres cannot store.
  const half = code === "22P05" || /surrogate/.test(String(details ?? ""));
  return new MayflyError(
    {
      code: "invalid_request",
      message: half ? `A text ${storableRule}.` : `${message}.`,
      hint: "Nothing was done. Correct the value.",
      details,
    },
    { cause },
  );
}

/**
 * The error for a token that does not work at the moment. The agent may still get another token. If it
 * cannot, its renewal reports why.
 */
const passing = (cause: unknown) =>
  new MayflyError(
    {
      code: "unavailable",
      message: "The caller's token has expired.",
      hint: "The SDK could not renew it in time. Try again, or sign in again.",
      details: null,
    },
    { cause },
  );

/** Our SQL returns details as JSON. Details from Postgres itself are text. */
function detailsOf(text: unknown): unknown {
  if (typeof text !== "string" || text === "") return text || null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
