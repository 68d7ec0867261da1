/**
 * The Deno side of the functions host, which runs in Deno, never in Node. It loads the functions
 * that the host names, serves them on a free loopback port, and ends when its stdin ends.
 */
import { failure, oneLine } from "./errors.ts";
import {
  type ChildMessage,
  type FunctionSpec,
  type HostMessage,
  REQUEST_ID_HEADER,
  SECRET_HEADER,
} from "./protocol.ts";
import { type Caller, caller, captureConsole } from "./router_console.ts";
import { BackgroundTasks, installGlobals } from "./router_globals.ts";

type Handler = (request: Request) => Response | Promise<Response>;
type Serve = (options: unknown, handler: Handler) => { addr: { port: number } };

/**
 * The part of Deno that is used here, because its own types are missing when this is compiled for
 * Node.
 */
const { Deno } = globalThis as unknown as {
  Deno: {
    serve: Serve;
    upgradeWebSocket(
      request: Request,
      options?: unknown,
    ): { socket: WebSocket; response: Response };
    exit(code: number): never;
    stdin: { readable: ReadableStream<Uint8Array<ArrayBuffer>> };
    stdout: { writeSync(bytes: Uint8Array): number };
    version: { deno: string };
  };
};
const { stdout, exit, serve } = Deno;

/**
 * A loaded function. `open` has one callback for each open request, which rejects the request. So
 * if an uncaught error of this function ends the process, these requests are answered at once.
 */
interface Loaded {
  url: string;
  handler: Handler;
  open: Set<(error: Error) => void>;
}

const loaded = new Map<string, Loaded>();
/**
 * The requests that Deno received, by the requests that functions get for them. Only a request that Deno
 * received can become a WebSocket.
 */
const received = new WeakMap<Request, Request>();
const upgradeWebSocket = Deno.upgradeWebSocket;
Deno.upgradeWebSocket = (request, options) =>
  upgradeWebSocket(received.get(request) ?? request, options);
const encoder = new TextEncoder();
let secret = "";
let loading: Caller | undefined;

function send(message: ChildMessage): void {
  const bytes = encoder.encode(`\n${secret} ${JSON.stringify(message)}\n`);
  for (let sent = 0; sent < bytes.length; ) sent += stdout.writeSync(bytes.subarray(sent));
}

function describe(error: unknown): string {
  return oneLine(error instanceof Error ? (error.stack ?? error.message) : String(error));
}

captureConsole((level, message) =>
  send({ type: "log", level, message, ...(caller.getStore() ?? loading) }),
);
const background = new BackgroundTasks((error) => {
  console.error(`a background task failed: ${describe(error)}`);
});
installGlobals(background);

/** The function whose file comes first in the stack of an error. */
function authorOf(error: unknown): Caller | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  let first = stack.length;
  let author: Caller | undefined;
  for (const [name, { url }] of loaded) {
    const at = stack.indexOf(url.slice(0, url.lastIndexOf("/") + 1));
    if (at === -1 || at >= first) continue;
    first = at;
    author = { function: name };
  }
  return author;
}

function onUncaught(event: Event, error: unknown, culprit: Caller | undefined): void {
  event.preventDefault();
  send({ type: "crash", message: describe(error), ...culprit });
  const crash = new Error("an uncaught error ended the function");
  for (const reject of loaded.get(culprit?.function ?? "")?.open ?? []) reject(crash);
}
// A rejection is reported in the context of its request. An error may be reported in the context of
// another request, so its stack names the function.
addEventListener("unhandledrejection", (event) => {
  const { reason } = event as PromiseRejectionEvent;
  onUncaught(event, reason, caller.getStore() ?? authorOf(reason));
});
addEventListener("error", (event) => {
  const { error } = event as ErrorEvent;
  onUncaught(event, error, authorOf(error));
});

async function load({ name, url }: FunctionSpec): Promise<void> {
  let served: Handler | undefined;
  // A function in the older style calls Deno.serve(handler). Instead of opening a port, this keeps
  // the handler.
  Deno.serve = (...given: unknown[]) => {
    served = given.find((value): value is Handler => typeof value === "function");
    return { addr: { port: 0 }, finished: new Promise(() => {}), shutdown: async () => {} };
  };
  loading = { function: name };
  const module = (await caller.run(loading, () => import(url))) as {
    default?: { fetch?: Handler };
  };
  const exported = module.default;
  const handler = exported?.fetch ? exported.fetch.bind(exported) : served;
  if (!handler) throw new Error("it has no `export default { fetch(request) }`");
  loaded.set(name, { url, handler, open: new Set() });
}

async function answer(name: string, request: Request, requestId: string): Promise<Response> {
  const { handler, open } = loaded.get(name) as Loaded;
  const crash = Promise.withResolvers<never>();
  open.add(crash.reject);
  try {
    const response = await Promise.race([handler(request), crash.promise]);
    if (!(response instanceof Response)) throw new Error("the handler returned no Response");
    return response;
  } catch (error) {
    console.error(`the request failed: ${describe(error)}`);
    return failure("function_crashed", `The function ${name} failed on this request.`, requestId);
  } finally {
    open.delete(crash.reject);
  }
}

/** The proxy strips /functions/v1, so a function sees /name/rest, as on a hosted project. */
function route(request: Request): Response | Promise<Response> {
  const headers = new Headers(request.headers);
  if (headers.get(SECRET_HEADER) !== secret) return new Response(null, { status: 403 });
  headers.delete(SECRET_HEADER);
  const name = new URL(request.url).pathname.split("/", 2)[1] ?? "";
  const requestId = headers.get(REQUEST_ID_HEADER) ?? "";
  const own = new Request(request, { headers });
  received.set(own, request);
  return caller.run({ function: name, requestId }, () => answer(name, own, requestId));
}

async function start(message: HostMessage & { type: "start" }): Promise<void> {
  secret = message.secret;
  const failed: Record<string, string> = {};
  for (const spec of message.functions) {
    try {
      await load(spec);
    } catch (error) {
      failed[spec.name] = describe(error);
    }
  }
  loading = undefined;
  const options = { hostname: "127.0.0.1", port: 0, onListen() {}, automaticCompression: false };
  const { port } = serve(options, route).addr;
  send({ type: "ready", port, deno: Deno.version.deno, failed });
}

async function drain(): Promise<void> {
  await background.idle();
  exit(0);
}

let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    const message = JSON.parse(line) as HostMessage;
    if (message.type === "start") void start(message);
    else if (message.type === "ping") send({ type: "pong" });
    else void drain();
  }
}
exit(0);
