import { type Agent, Mayfly, type Message, type SpawnOptions } from "@mayfly/sdk";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { startTestLocal, type TestLocal } from "#harness/local";
import { startProxy, type TestProxy } from "#harness/proxy";

export let local: TestLocal;
export let proxy: TestProxy;
export let tenant: string;
export let mayfly: Mayfly;
/** Spawns agents whose way to the server can be cut. */
export let behind: Mayfly;
export const agents: Agent[] = [];

export function setUp(): void {
  beforeAll(async () => {
    local = await startTestLocal({ limits: { joinErrorBackoffMs: 50 } });
    proxy = await startProxy(local.apiUrl);
  });
  afterAll(async () => {
    await proxy?.close();
    await local?.close();
  });
  beforeEach(async () => {
    ({ tenant, mayfly } = await local.enter());
    behind = new Mayfly({ url: proxy.url, key: local.secretKey, tenant });
  });
  afterEach(async () => {
    proxy.up();
    await Promise.all(agents.splice(0).map((agent) => agent.close()));
    await Promise.all([behind.close(), mayfly.close()]);
  });
}

export async function spawn(options: SpawnOptions = {}, by = mayfly): Promise<Agent> {
  const agent = await spawnIn(by, { lifetime: 300, ...options });
  agents.push(agent);
  return agent;
}

/** What an agent gets, and a promise for so many. */
export function gather(agent: Pick<Agent, "on">, type = "*") {
  const got: Message[] = [];
  const errors: unknown[] = [];
  let wake = () => {};
  const off = agent.on(
    type,
    (message) => {
      got.push(message);
      wake();
    },
    {
      onError: (error) => {
        errors.push(error);
        wake();
      },
    },
  );
  const until = async (holds: () => boolean) => {
    while (!holds())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { got, errors, off, until, count: (n: number) => until(() => got.length >= n) };
}
export const numbers = (messages: Message[]) => messages.map(({ payload }) => payload.n);
export const send = async (from: Agent, to: Parameters<Agent["send"]>[0], n: number, more = {}) =>
  dataOf(await from.send(to, "tick", { n }, more));

/** Every delivery of a recipient that is not acknowledged. */
export const waiting = async (agent: Agent) => {
  const rows = await local.sql`
    select seq::int from mayfly.deliveries where recipient_id = ${agent.id} and acknowledged_at is null order by seq`;
  return rows.map((row) => row.seq);
};

export const acknowledged = async (id: string): Promise<number> => {
  const [row] = await local.sql`
    select count(*)::int as count from mayfly.deliveries where recipient_id = ${id} and acknowledged_at is not null`;
  return row?.count;
};
