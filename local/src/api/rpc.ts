import type { FunctionInfo } from "@supabase/lite";
import type { Sql } from "postgres";
import { maxRows, type RequestContext } from "./context.ts";
import type { Early } from "./early.ts";
import { apiError, databaseError, isDatabaseError } from "./errors.ts";
import { applied, commits, tooManyAffected } from "./preferences.ts";
import type { Schema } from "./schema-cache.ts";
import { asSaid, inSession, openingOf } from "./session.ts";

const identifier = (text: string) => `"${text.replaceAll('"', '""')}"`;

/**
 * Calls a function like PostgREST. The body goes to Postgres unchanged. There, `json_to_record`
 * gives the values their types, and Postgres itself makes the JSON of the result. So nothing is
 * parsed twice. Calls with filters, projections, counts, overloads, and unnamed or variadic
 * parameters are left to lite, which passes arguments through JavaScript and does not quote their
 * names.
 * @returns undefined for a request that lite should handle
 */
export async function callFunction(
  request: Request,
  context: RequestContext,
  body: string | null,
  schema: Schema,
  pool: Sql,
  early?: Early,
): Promise<Response | undefined> {
  const name = /^\/rpc\/([^/]+)$/.exec(context.path)?.[1];
  if (!name || !plain(request)) return undefined;
  const named = schema.introspection.functions.filter(
    (each) => each.schema === context.schema && each.name === decodeURIComponent(name),
  );
  const [target] = named;
  if (!target || named.length > 1 || target.has_variadic) return undefined;
  const type = bareType(request.headers.get("content-type") ?? json);
  const wanted = takesBody(target) ? bodyTypes[target.arg_types[0] ?? ""] : json;
  if (request.method === "POST" && type !== wanted) return undefined;
  const given = takesBody(target) ? wholeBody(request, body) : argumentsOf(request, body, target);
  if (!given || (!takesBody(target) && !fits(target, given.names))) return undefined;

  const { handling, maxAffected } = context.preferences;
  if (handling === "strict" && maxAffected !== undefined && !target.return_is_setof)
    return apiError(400, {
      code: "PGRST128",
      message:
        "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
    });
  const readOnly = request.method !== "POST" || target.volatility !== "v";
  const opening = openingOf(context, { readOnly, config: schema.config });
  let refused: Response | undefined;
  try {
    const { result, said } = await inSession(
      pool,
      opening,
      async (connection) => {
        const [first] = await connection.unsafe<Answer[]>(
          statement(target, given.names),
          given.names.length > 0 || takesBody(target) ? [given.json] : [],
        );
        return first as Answer;
      },
      (row) => {
        refused = tooManyAffected(context.preferences, row.count);
        return !refused && commits(context.preferences, schema.config.txEnd);
      },
      early,
    );
    return refused ?? asSaid(respond(request, target, result, context), said);
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    return databaseError(error, context.role !== "anon");
  }
}

interface Answer {
  body: string | null;
  count: number;
}

/** Whether the request only asks for the result as JSON, and only passes JSON or parameters. */
function plain(request: Request): boolean {
  const { headers, method } = request;
  if (!["POST", "GET", "HEAD"].includes(method)) return false;
  const accept = headers.get("accept") ?? "*/*";
  if (!/^(\*\/\*|application\/json)(\s*[;,]|$)/i.test(accept) || /nulls|plan|q=/i.test(accept))
    return false;
  if (headers.has("range") || /count=|params=/i.test(headers.get("prefer") ?? "")) return false;
  const parameters = [...new URL(request.url).searchParams.keys()];
  return method !== "POST" || parameters.every((key) => key === "apikey");
}

function argumentsOf(
  request: Request,
  body: string | null,
  target: FunctionInfo,
): { names: string[]; json: string } | undefined {
  if (request.method === "POST") {
    if (!body?.trim()) return { names: [], json: "{}" };
    try {
      const value: unknown = JSON.parse(body);
      if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
      return { names: Object.keys(value), json: body };
    } catch {
      return undefined;
    }
  }
  const values = [...new URL(request.url).searchParams].filter(([key]) => key !== "apikey");
  const names = values.map(([key]) => key);
  if (new Set(names).size !== names.length) return undefined;
  // A JSON argument in the address is a document, not a string.
  const documents = names.some((key) =>
    /^jsonb?$/.test(target.arg_types[target.arg_names.indexOf(key)] ?? ""),
  );
  return documents ? undefined : { names, json: JSON.stringify(Object.fromEntries(values)) };
}

const json = "application/json";
const bareType = (type: string) => (type.split(";")[0] ?? "").trim().toLowerCase();
/** The media types of bodies that a parameter of this type accepts. */
const bodyTypes: Record<string, string> = {
  json,
  jsonb: json,
  text: "text/plain",
  xml: "text/xml",
};

/** A function whose only parameter has no name gets the unchanged body. */
const takesBody = (target: FunctionInfo) =>
  target.arg_names.length === 0 &&
  target.arg_types.length === 1 &&
  (target.arg_types[0] ?? "") in bodyTypes;

function wholeBody(request: Request, body: string | null) {
  return request.method === "POST" && body?.trim() ? { names: [], json: body } : undefined;
}

function fits(target: FunctionInfo, given: string[]): boolean {
  const { arg_names, arg_types, arg_defaults } = target;
  if (arg_names.length !== arg_types.length || arg_names.includes("")) return false;
  const required = arg_names.slice(0, arg_names.length - arg_defaults);
  return (
    given.every((name) => arg_names.includes(name)) &&
    required.every((name) => given.includes(name))
  );
}

/** As in PostgREST, a function with OUT parameters or a composite type returns objects. */
const givesRows = (target: FunctionInfo) =>
  target.return_typtype === "c" || target.has_out_args === true || target.return_type === "record";

function statement(target: FunctionInfo, names: string[]): string {
  const call = `${identifier(target.schema)}.${identifier(target.name)}`;
  const columns = names.map((name) => {
    return `${identifier(name)} ${target.arg_types[target.arg_names.indexOf(name)]}`;
  });
  const passed = takesBody(target)
    ? [`$1::text::${target.arg_types[0]}`]
    : names.map((name) => `${identifier(name)} := pgrst_body.${identifier(name)}`);
  const from = columns.length
    ? `json_to_record($1::text::json) as pgrst_body (${columns.join(", ")}), lateral `
    : "";
  const rows = givesRows(target);
  const alias = rows ? "pgrst_call" : "pgrst_call (pgrst_scalar)";
  const source = `select pgrst_call.* from ${from}${call}(${passed.join(", ")}) as ${alias}`;
  const capped = target.return_is_setof ? ` limit ${maxRows}` : "";
  const value = rows ? "pgrst_source" : "pgrst_source.pgrst_scalar";
  const all = `json_agg(${value})`;
  const body = target.return_is_setof
    ? `coalesce(${all}, '[]')::text`
    : `coalesce((${all} -> 0)::text, 'null')`;
  return `with pgrst_source as (${source}${capped})
    select ${body} as body, count(*)::int as count from pgrst_source`;
}

function respond(
  request: Request,
  target: FunctionInfo,
  row: Answer,
  context: RequestContext,
): Response {
  const headers = new Headers(applied(context.preferences, "call"));
  headers.set("content-range", rangeOf(target, row.count));
  if (target.return_type === "void") return new Response(null, { status: 204, headers });
  headers.set("content-type", "application/json; charset=utf-8");
  return new Response(request.method === "HEAD" ? null : row.body, { headers });
}

function rangeOf(target: FunctionInfo, count: number): string {
  if (!target.return_is_setof) return "0-0/*";
  return count === 0 ? "*/*" : `0-${count - 1}/*`;
}
