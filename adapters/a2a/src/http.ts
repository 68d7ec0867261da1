import {
  A2A_VERSION_HEADER,
  AGENT_CARD_PATH,
  type AgentCard,
  formatSSEErrorEvent,
  formatSSEEvent,
  SSE_HEADERS,
} from "@a2a-js/sdk";
import { ServerCallContext, validateVersion } from "@a2a-js/sdk/server";
import { Mayfly } from "@mayfly/sdk";
import { type A2AAgent, cardOf, nameOf } from "./agents.ts";
import { Requests } from "./requests.ts";
import { cardJson, errorOf, isOld, methodsOf, versionOf } from "./versions.ts";

/** Returns a `Mayfly` that acts as the caller of a request, or undefined to refuse the request. */
export type Caller = (request: Request) => Promise<Mayfly | undefined> | Mayfly | undefined;

/** Which agents are served, and to whom. */
export interface A2AOptions {
  agents: A2AAgent[];
  caller: Caller;
  /** The address at which clients reach the server. By default, the address of the request. */
  address?: string;
  /** How long `SendMessage` waits for the end of a task: two minutes by default. */
  waitMs?: number;
}

/** Each `Mayfly` that was made for one request, and is closed after that request. */
const brief = new WeakSet<Mayfly>();

/**
 * Makes a `caller` that acts as the person, OAuth client or agent to whom the token in the request belongs.
 * The header `x-mayfly-tenant` chooses one of several tenants.
 */
export const signedIn =
  (options: { url: string; key: string }): Caller =>
  async (request) => {
    const { data: mayfly, error } = await Mayfly.forRequest(request, options);
    if (error?.code === "not_authorized") return undefined;
    if (error) throw error;
    brief.add(mayfly);
    return mayfly;
  };

/**
 * An A2A server as a fetch handler: for hono, a Supabase function, Deno, Bun or a Worker. Each agent has its
 * card at `<name>/.well-known/agent-card.json`, and answers JSON-RPC at `<name>`, in the versions 1.0 and
 * 0.3.
 *
 * @example
 * const handle = a2aHandler({
 *   agents: [{ agent: analyst, description: "Says why an order failed." }],
 *   caller: signedIn({ url, key: publishableKey }),
 * });
 * new Hono().mount("/a2a", handle);
 */
export function a2aHandler(options: A2AOptions): (request: Request) => Promise<Response> {
  const { agents, caller, waitMs = 120_000 } = options;
  return async (request) => {
    const { origin, pathname } = new URL(request.url);
    const isCard = pathname.endsWith(`/${AGENT_CARD_PATH}`);
    const at = (isCard ? pathname.slice(0, -AGENT_CARD_PATH.length) : pathname).replace(/\/+$/, "");
    const name = at.slice(at.lastIndexOf("/") + 1);
    const agent = agents.find((one) => nameOf(one) === name);
    if (!agent) return answer(404, { error: "There is no agent at this address." });
    const url = options.address ? `${options.address.replace(/\/+$/, "")}/${name}` : origin + at;
    const card = cardOf(agent, url);
    const version = versionOf(request);
    if (isCard && request.method === "GET")
      return answer(200, cardJson(card, version), { vary: A2A_VERSION_HEADER });
    if (request.method !== "POST") return answer(405, { error: "Send JSON-RPC by POST." });
    const text = await request.text();
    if (!isJson(text)) return answer(200, unreadable);
    let mayfly: Mayfly | undefined;
    try {
      mayfly = await caller(request);
    } catch (error) {
      return answer(200, faultOf({ text, version }, error));
    }
    if (!mayfly)
      return answer(
        401,
        { error: "Send a token of the project as Authorization: Bearer." },
        { "www-authenticate": "Bearer" },
      );
    const gone = new AbortController();
    const requests = new Requests(mayfly, agent, card, {
      signal: gone.signal,
      waitMs,
      isOld: isOld(version),
    });
    // A `Mayfly` that streams holds a socket open, so it must be closed.
    const end = () => brief.has(mayfly) && void mayfly.close();
    return respond({ text, version }, card, requests, { gone, end });
  };
}

/** `gone` is aborted when the client disconnects. `end` is called when the answer is complete. */
interface Until {
  gone: AbortController;
  end: () => void;
}

interface Sent {
  text: string;
  version: string;
}

async function respond(
  { text, version }: Sent,
  card: AgentCard,
  requests: Requests,
  until: Until,
): Promise<Response> {
  const fault = (error: unknown) => faultOf({ text, version }, error);
  try {
    const context = new ServerCallContext({ requestedVersion: version });
    validateVersion(context.requestedVersion, card, "JSONRPC");
    const answered = await methodsOf(version, requests).handle(text, context);
    if (!(Symbol.asyncIterator in answered)) {
      until.end();
      return answer(200, answered);
    }
    // A request that is refused at once gets an error, not a stream.
    const first = await answered.next();
    return new Response(streamOf(first, answered, fault, until), { headers: SSE_HEADERS });
  } catch (error) {
    until.end();
    return answer(200, fault(error));
  }
}

function streamOf(
  first: IteratorResult<unknown, void>,
  rest: AsyncGenerator<unknown, void, undefined>,
  fault: (error: unknown) => unknown,
  { gone, end }: Until,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let waiting: IteratorResult<unknown, void> | undefined = first;
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = waiting ?? (await rest.next());
        waiting = undefined;
        if (done) {
          end();
          controller.close();
        } else controller.enqueue(encoder.encode(formatSSEEvent(value)));
      } catch (error) {
        end();
        if (gone.signal.aborted) return;
        controller.enqueue(encoder.encode(formatSSEErrorEvent(fault(error))));
        controller.close();
      }
    },
    cancel() {
      gone.abort();
      return rest.return().then(end);
    },
  });
}

/** The answer to a request that failed. */
const faultOf = ({ text, version }: Sent, error: unknown) => ({
  jsonrpc: "2.0",
  id: idIn(text),
  error: errorOf(version, error),
});

/**
 * The error for a body that is not JSON. The transport of 0.3 would answer with the code for an invalid
 * request, but JSON-RPC has a separate code for this.
 */
const unreadable = {
  jsonrpc: "2.0",
  id: null,
  error: { code: -32700, message: "The body is not valid JSON." },
};

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function idIn(text: string): string | number | null {
  try {
    const { id } = JSON.parse(text) as { id?: unknown };
    return typeof id === "string" || typeof id === "number" ? id : null;
  } catch {
    return null;
  }
}

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  Response.json(body, { status, headers });
