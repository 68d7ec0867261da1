import { type IncomingHttpHeaders, type IncomingMessage, request as send } from "node:http";
import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import type { FunctionsProcess } from "./child.ts";
import { failure, workerEnded } from "./errors.ts";
import { REQUEST_ID_HEADER, SECRET_HEADER } from "./protocol.ts";

/** These headers belong to one connection, not to the message. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const WITHOUT_BODY = new Set([101, 204, 205, 304]);
/** After a broken connection, how long to wait for the news that the process has ended. */
const EXIT_NEWS_MS = 1_000;

export interface Forward {
  request: Request;
  name: string;
  /** The path that the function sees: /name/rest?query. */
  path: string;
  requestId: string;
  timeoutMs: number;
  /** Whether to answer like a hosted project when a limit has ended the function. */
  asHosted: boolean;
}

/**
 * Sends a request to the process and returns its answer. Both bodies are streamed. Never rejects.
 */
export function forward(process: FunctionsProcess, what: Forward): Promise<Response> {
  const { request, path, name, requestId, timeoutMs } = what;
  const done = process.begin();
  return new Promise((resolve) => {
    const upstream = send({
      host: "127.0.0.1",
      port: process.port,
      agent: process.agent,
      method: request.method,
      path,
      headers: requestHeaders(request, process.secret, requestId),
    });
    let answered = false;
    const answer = (response: Response) => {
      answered = true;
      clearTimeout(timer);
      resolve(response);
    };
    const abort = () => {
      answer(failure("client_closed", "The caller ended the request.", requestId));
      upstream.destroy();
    };
    const timer = setTimeout(() => {
      const message = `The function ${name} did not answer within ${timeoutMs / 1000} s.`;
      answer(failure("function_timeout", message, requestId));
      upstream.destroy();
    }, timeoutMs);

    const body = request.body
      ? Readable.fromWeb(request.body as NodeReadableStream<Uint8Array>)
      : undefined;
    upstream.once("response", (incoming) => {
      const response = responseOf(incoming, request, requestId);
      const refused = response.status >= 400;
      if (!refused || !body || body.readableEnded || body.destroyed) return answer(response);
      // The upload was refused in the middle. The caller reads the answer only after it has sent
      // the rest.
      body.unpipe(upstream);
      body.once("close", () => answer(response)).resume();
      incoming.once("close", () => upstream.destroy());
    });
    upstream.on("error", () => {
      if (!answered) void lost(process, what).then(answer);
    });
    upstream.once("close", () => {
      request.signal.removeEventListener("abort", abort);
      done();
    });
    if (request.signal.aborted) return abort();
    request.signal.addEventListener("abort", abort, { once: true });

    if (!body) return upstream.end();
    // If the upload fails, this destroys the request to the child. The handler of that request's
    // error event then answers.
    body.once("error", () => upstream.destroy());
    body.pipe(upstream);
  });
}

/** The error for a broken connection. When this is called, the process has usually ended. */
async function lost(
  process: FunctionsProcess,
  { name, requestId, asHosted }: Forward,
): Promise<Response> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<"alive">((resolve) => {
    timer = setTimeout(resolve, EXIT_NEWS_MS, "alive");
  });
  const reason = await Promise.race([process.exited, patience]);
  clearTimeout(timer);
  if (asHosted && (reason === "cpu" || reason === "stopped")) return workerEnded(requestId);
  if (reason === "cpu") {
    return failure("worker_limit", "The functions kept the CPU for too long.", requestId);
  }
  if (reason === "stopped") {
    const message = `The functions stopped before ${name} answered.`;
    return failure("functions_unavailable", message, requestId);
  }
  const message = `The functions' process ended before ${name} answered.`;
  return failure("function_crashed", message, requestId, 502);
}

function requestHeaders(request: Request, secret: string, requestId: string): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  for (const [name, value] of request.headers) {
    if (!HOP_BY_HOP.has(name)) headers[name] = value;
  }
  // Deno takes the host in the function's `request.url` from this header.
  headers.host = new URL(request.url).host;
  headers[SECRET_HEADER] = secret;
  headers[REQUEST_ID_HEADER] = requestId;
  if (request.body && headers["content-length"] === undefined) {
    headers["transfer-encoding"] = "chunked";
  }
  return headers;
}

function responseOf(incoming: IncomingMessage, request: Request, requestId: string): Response {
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    const name = incoming.rawHeaders[at] ?? "";
    if (!HOP_BY_HOP.has(name.toLowerCase()))
      headers.append(name, incoming.rawHeaders[at + 1] ?? "");
  }
  headers.set(REQUEST_ID_HEADER, requestId);
  const status = incoming.statusCode ?? 502;
  if (request.method === "HEAD" || WITHOUT_BODY.has(status)) {
    incoming.resume();
    return new Response(null, { status, headers });
  }
  const body = Readable.toWeb(incoming) as unknown as ReadableStream<Uint8Array>;
  return new Response(body, { status, headers });
}
