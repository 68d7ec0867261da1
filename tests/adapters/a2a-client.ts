/** What a client of the A2A protocol sends in tests, and which parts of the answers it returns. */
import {
  type Artifact,
  SendMessageRequest,
  type StreamResponse,
  type TaskState,
} from "@a2a-js/sdk";
import {
  type Client,
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
} from "@a2a-js/sdk/client";
import { type A2AAgent, a2aHandler, signedIn } from "@mayfly/a2a";
import { signIn, type TestLocal } from "#harness/local";

/** The agent to call, as a member of a tenant. */
export interface Connection {
  agent: string;
  of: string;
  role: string;
}

export const cardUrl = (agent: string) =>
  `https://a2a.example/agents/${agent}/.well-known/agent-card.json`;

/** A `fetch` that calls a server of its own with these agents, as a member of a tenant. */
export async function fetchOf(
  local: TestLocal,
  agents: A2AAgent[],
  { of, role }: Pick<Connection, "of" | "role">,
): Promise<typeof fetch> {
  const token = await signIn(local, of, role);
  const handle = a2aHandler({
    agents,
    caller: signedIn({ url: local.apiUrl, key: local.publishableKey }),
  });
  return (input, init) => {
    const request = new Request(input, init);
    const headers = new Headers(request.headers);
    headers.set("authorization", `Bearer ${token}`);
    return handle(new Request(request, { headers }));
  };
}

/** Makes a client with a server of its own. Two such clients share nothing except the project. */
export async function connectTo(
  local: TestLocal,
  agents: A2AAgent[],
  { agent, ...caller }: Connection,
): Promise<Client> {
  const fetchImpl = await fetchOf(local, agents, caller);
  const factory = new ClientFactory({
    transports: [new JsonRpcTransportFactory({ fetchImpl })],
    cardResolver: new DefaultAgentCardResolver({ fetchImpl }),
  });
  return factory.createFromUrl(cardUrl(agent), "");
}

export const ask = (part: object, more: object = {}, configuration: object = {}) =>
  SendMessageRequest.fromJSON({
    message: { messageId: crypto.randomUUID(), role: "ROLE_USER", parts: [part], ...more },
    configuration,
  });
export const question = { text: "Why did order 17 fail?" };
export const get = (id: string) => ({ tenant: "", id });
export const answerIn = (artifacts: Artifact[]) => artifacts[0]?.parts[0]?.content?.value;

/** What a client gets from a stream: the states, and the whole answer. */
export async function follow(stream: AsyncIterable<StreamResponse>) {
  const states: (TaskState | undefined)[] = [];
  let answer = "";
  for await (const { payload } of stream) {
    if (payload?.$case === "task" || payload?.$case === "statusUpdate")
      states.push(payload.value.status?.state);
    if (payload?.$case === "artifactUpdate") {
      const said = String(payload.value.artifact?.parts[0]?.content?.value);
      answer = payload.value.append ? answer + said : said;
    }
  }
  return { states, answer };
}
/** The id of the task with which a stream starts. */
export async function begun(stream: AsyncGenerator<StreamResponse>): Promise<string> {
  const { value } = await stream.next();
  if (value?.payload?.$case !== "task") throw new Error("A stream begins with its task.");
  return value.payload.value.id;
}
export const refusal = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: { name: string; message: string; data?: { metadata?: object }[] }) => ({
      ...{ name: error.name, message: error.message },
      ...error.data?.[0]?.metadata,
    }),
  );
