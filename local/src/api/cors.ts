const methods = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS";
const exposed = [
  "Content-Encoding",
  "Content-Location",
  "Content-Range",
  "Content-Type",
  "Date",
  "Link",
  "Location",
  "Preference-Applied",
  "Range-Unit",
  "Retry-After",
  "X-Sb-Error-Code",
  "X-Total-Count",
].join(", ");

/** The answer to a preflight, which needs no key. It allows any origin and any requested header. */
export function preflight(request: Request): Response | undefined {
  if (request.method !== "OPTIONS" || !request.headers.has("access-control-request-method"))
    return undefined;
  return new Response(null, {
    status: 200,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": methods,
      "access-control-allow-headers": request.headers.get("access-control-request-headers") ?? "*",
      "access-control-max-age": "3600",
      vary: "access-control-request-headers",
    },
  });
}

/** Lets pages of any origin read an answer. */
export function forAnyOrigin(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("access-control-allow-origin", "*");
  headers.set("access-control-expose-headers", exposed);
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
