import type { Agent, Mayfly, Message, SpawnOptions } from "@mayfly/sdk";
import { dataOf } from "#harness/agents";
import { local, mayfly, spawn as spawnLive } from "#harness/live";

/** `behind` spawns agents behind the proxy, so that their connections can be cut. */
export { agents, local, mayfly, proxy, setUp, tenant, watched as behind } from "#harness/live";

export const spawn = (options: SpawnOptions = {}, by: Mayfly | Agent = mayfly): Promise<Agent> =>
  spawnLive({ lifetime: 300, ...options }, by);

/** The messages of an agent, and a promise that resolves when there are this many. */
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

/** Every unacknowledged delivery of a recipient. */
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
