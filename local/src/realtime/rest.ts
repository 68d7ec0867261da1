import { Access } from "./access.ts";
import type { Context } from "./context.ts";
import type { Credential } from "./credentials.ts";
import { textMessage, topicKey, userMessage } from "./hub.ts";
import { canonical, isObject, type Json, parseJson } from "./json.ts";
import { payloadTooLarge } from "./limits.ts";
import { checkHandshake } from "./upgrade.ts";

type Errors = Record<string, Json>;

interface Message {
  topic: string;
  event: string;
  /** Canonical JSON text. */
  payload: string;
  private: boolean;
}

const blank = ["can't be blank"];
const invalid = ["is invalid"];
const tooLarge = ["Payload size exceeds tenant limit"];

/** The REST endpoints under /realtime/v1/api. */
export async function handleRest(request: Request, context: Context): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const path = pathname.replace(/^\/realtime\/v1/, "");
  const limited = { "x-rate-limit": String(context.limits.messagesPerSecond) };
  if (request.method === "GET" && path === "/api/ping")
    return json(200, { message: "Success" }, limited);
  if (request.method !== "POST") return text(404, "Not Found");
  if (path === "/api/broadcast") return broadcastMany(request, context, limited);
  const single = /^\/api\/broadcast\/([^/]+)\/events\/([^/]+)$/.exec(path);
  const [topic, event] = [single?.[1], single?.[2]].map((part) => decoded(part));
  if (topic === undefined || event === undefined) return text(404, "Not Found");
  const isPrivate = searchParams.get("private") === "true";
  return broadcastOne(request, { topic, event, isPrivate }, context, limited);
}

/**
 * Refuses a request to the WebSocket's address that does not ask for a WebSocket. Like Phoenix, this
 * first checks whether a WebSocket would be refused for another reason.
 */
export async function handlePlain(request: Request, context: Context): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = Object.fromEntries(request.headers);
  const checked = await checkHandshake({ url: pathname + search, headers }, context);
  if ("status" in checked)
    return checked.error === undefined
      ? text(checked.status, "")
      : json(checked.status, { error: checked.error }, {});
  const connection = request.headers.get("connection") ?? "keep-alive";
  return text(400, `'connection' header must contain 'upgrade', got ["${connection}"]`);
}

async function broadcastMany(
  request: Request,
  context: Context,
  headers: Record<string, string>,
): Promise<Response> {
  const sent = await bodyOf(request, context.limits.frameBytes);
  if (!sent) return text(413, "Request Entity Too Large");
  const body = parseJson(sent.toString("utf8"));
  if (body === undefined) return text(400, "Bad Request");
  const credential = await credentialOf(request, context);
  if (!credential) return json(401, { message: "Unauthorized" }, headers);
  const checked = check(isObject(body) ? body.messages : undefined, context);
  if ("errors" in checked) return json(422, { errors: { messages: checked.errors } }, headers);
  const { average, limit } = context.rates.messages;
  if (average > limit) return json(429, { message: "You have exceeded your rate limit" }, headers);
  if (checked.messages.length + average > limit) {
    const message = "Too many messages to broadcast, please reduce the batch size";
    return json(429, { message }, headers);
  }
  const allowed = permissions(request, credential, context);
  // Public messages come first, because Supabase's server sends them first.
  for (const message of checked.messages.sort((a, b) => Number(a.private) - Number(b.private))) {
    if (message.private && !(await allowed(message.topic))) continue;
    context.rates.messages.add();
    const payload = `{"event":${JSON.stringify(message.event)},"payload":${message.payload},"type":"broadcast"}`;
    context.hub.publish(
      topicKey(message.topic, message.private),
      textMessage("broadcast", message.topic, payload),
    );
  }
  return new Response(null, { status: 202, headers });
}

async function broadcastOne(
  request: Request,
  to: { topic: string; event: string; isPrivate: boolean },
  context: Context,
  headers: Record<string, string>,
): Promise<Response> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim();
  const encoding =
    type === "application/json" ? "json" : type === "application/octet-stream" ? "binary" : null;
  if (!encoding) {
    const error = "Unsupported Media Type. Use application/json or application/octet-stream";
    return json(415, { error }, {});
  }
  let payload = await bodyOf(request, context.limits.frameBytes);
  if (!payload) return text(413, "Request Entity Too Large");
  if (encoding === "json") {
    const body = parseJson(payload.toString("utf8"));
    if (body === undefined) return text(400, "Bad Request");
    payload = Buffer.from(canonical(body));
  }
  const credential = await credentialOf(request, context);
  if (!credential) return json(401, { message: "Unauthorized" }, headers);
  if (payloadTooLarge(payload.length, context.limits))
    return json(422, { errors: { payload: tooLarge } }, headers);
  if (context.rates.messages.reached)
    return json(429, { message: "You have exceeded your rate limit" }, headers);
  if (to.isPrivate && !(await permissions(request, credential, context)(to.topic)))
    return json(403, { message: "Unauthorized" }, headers);
  context.rates.messages.add();
  context.hub.publish(
    topicKey(to.topic, to.isPrivate),
    userMessage(to.topic, { event: to.event, encoding, payload }),
  );
  return new Response(null, { status: 202, headers });
}

function check(
  messages: Json | undefined,
  context: Context,
): { messages: Message[] } | { errors: Json[] } {
  if (messages === undefined || messages === null) return { errors: blank };
  if (!Array.isArray(messages)) return { errors: invalid };
  if (messages.length === 0) return { errors: blank };
  if (!messages.every(isObject)) return { errors: invalid };
  const checked = messages.map((message) => {
    const { topic, event, payload, private: isPrivate = false } = message;
    const errors: Errors = {};
    if (typeof topic !== "string" || topic === "") errors.topic = wrong(topic);
    const body = isObject(payload) ? canonical(payload) : undefined;
    if (body === undefined) errors.payload = wrong(payload);
    else if (payloadTooLarge(Buffer.byteLength(body), context.limits)) errors.payload = tooLarge;
    if (typeof event !== "string" || event === "") errors.event = wrong(event);
    if (isPrivate !== null && typeof isPrivate !== "boolean") errors.private = invalid;
    return {
      errors,
      message: { topic, event, payload: body, private: isPrivate === true } as Message,
    };
  });
  if (checked.some(({ errors }) => Object.keys(errors).length > 0))
    return { errors: checked.map(({ errors }) => errors) };
  return { messages: checked.map(({ message }) => message) };
}

function wrong(value: Json | undefined): Json {
  return value === undefined || value === null || value === "" ? blank : invalid;
}

/** Whether the caller may write to a private topic. The policies are asked once for each topic. */
function permissions(
  request: Request,
  credential: Credential,
  { database }: Context,
): (topic: string) => Promise<boolean> {
  const topics = new Map<string, Access>();
  const headers = Object.fromEntries(request.headers);
  return async (topic) => {
    const access = topics.get(topic) ?? new Access(database, topic, credential, headers);
    topics.set(topic, access);
    return (await access.askWrite()).broadcast;
  };
}

/** The claims of the bearer token. If there is none, those of the API key. */
async function credentialOf(request: Request, context: Context): Promise<Credential | undefined> {
  const bearer = /^bearer\s+(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  const token = bearer ?? request.headers.get("apikey");
  return token ? context.authenticate(token).catch(() => undefined) : undefined;
}

/** The body. Undefined if it is longer than the limit. */
async function bodyOf(request: Request, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    // The rest of the body is still read, so that the sender gets the answer.
    if (size > maxBytes) chunks.length = 0;
    else chunks.push(chunk);
  }
  return size > maxBytes ? undefined : Buffer.concat(chunks);
}

function decoded(part: string | undefined): string | undefined {
  try {
    return part === undefined ? undefined : decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

function json(status: number, body: Json, headers: Record<string, string>): Response {
  const type = "application/json; charset=utf-8";
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": type, ...headers },
  });
}

function text(status: number, body: string): Response {
  return new Response(body, { status, headers: { "content-type": "text/html; charset=utf-8" } });
}
