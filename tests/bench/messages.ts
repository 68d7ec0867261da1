/**
 * How long a message takes from an agent to a handler in another process. Messages are stored, and broadcasts
 * are not. The baseline is realtime-js alone on the same server, with messages sent by the database or by a
 * client.
 *
 *   DATABASE_URL=postgresql://… node tests/bench/messages.ts [--quick]
 */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Local } from "@mayfly/local";
import { Mayfly } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";
import { makeTenant, type Sql } from "#harness/callers";
import { quartiles } from "./lib/measure.ts";
import { report } from "./lib/report.ts";
import { openStack } from "./lib/stack.ts";
import { databases, rounds, unlimited } from "./lib/target.ts";

const many = rounds(1_000);
/** Limits far above those of the Free plan. Otherwise only the Free plan's limits would be measured. */
const limits = { messagesPerSecond: 1_000_000, joinsPerSecond: 10_000 };
const pauseMs = 150;
const now = () => performance.timeOrigin + performance.now();

interface Came {
  what: string;
  n?: number;
  id?: string;
  at: number;
}

/** The process that receives. `next` resolves with the time when a certain message has arrived there. */
class Receiver {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<string, (came: Came) => void>();

  constructor(...words: string[]) {
    this.#child = fork(join(import.meta.dirname, "messages-receiver.ts"), words);
    this.#child.on("message", (message) => {
      const came = message as Came;
      this.#waiting.get(`${came.what} ${came.n ?? ""}`)?.(came);
    });
  }

  next(what: string, n: number | "" = ""): Promise<Came> {
    return new Promise((resolve) => this.#waiting.set(`${what} ${n}`, resolve));
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.disconnect();
    await ended;
  }
}

async function measureOn(on: string, { apiUrl: url, secretKey: key }: Local, sql: Sql) {
  const tenant = await makeTenant(sql, unlimited);
  await sql.unsafe(`
    create or replace function public.bench_send(n integer) returns void language sql security definer set search_path = ''
      as $$ select realtime.send(jsonb_build_object('n', n), 'database', 'bench-bare', false) $$;
    notify pgrst, 'reload schema'`);
  const mayfly = new Mayfly({ url, key, tenant });
  const { data: agent, error } = await mayfly.spawn({
    lifetime: 900,
    scopes: ["message:send", "message:read", "channel:write", "channel:broadcast"],
  });
  if (error) throw error;
  await agent.channels.create({ name: "bench", kind: "broadcast" });
  const receiver = new Receiver(url, key, tenant);
  const { id = "" } = await receiver.next("ready");
  const bare = createClient(url, key);
  const channel = bare.channel("bench-bare", { config: { broadcast: { ack: true } } });
  await new Promise<void>((resolve) =>
    channel.subscribe((status) => status === "SUBSCRIBED" && resolve()),
  );

  const ways: Record<string, (n: number) => Promise<unknown>> = {
    durable: async (n) => {
      const { error } = await agent.send(id, "tick", { n });
      if (error) throw error;
    },
    database: async (n) => {
      const { error } = await bare.rpc("bench_send", { n });
      if (error) throw error;
    },
    ephemeral: async (n) => {
      const { error } = await agent.channels.open("bench").broadcast("tick", { n });
      if (error) throw error;
    },
    client: (n) => channel.send({ type: "broadcast", event: "client", payload: { n } }),
  };
  const whole = new Map<string, number[]>();
  const afterReturn = new Map<string, number[]>();
  for (let n = 0; n < rounds(100, 6); n++)
    for (const [what, send] of Object.entries(ways)) {
      const arrived = receiver.next(what, n);
      const began = now();
      await send(n);
      const returned = now();
      const { at } = await arrived;
      // The acknowledgement of a message must not delay the next message.
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      // The first one warms up.
      if (n === 0) continue;
      whole.set(what, [...(whole.get(what) ?? []), at - began]);
      afterReturn.set(what, [...(afterReturn.get(what) ?? []), Math.max(0, at - returned)]);
    }
  const pairs = [
    ["durable", "database", "durable message", "realtime.send alone"],
    ["ephemeral", "client", "ephemeral broadcast", "realtime-js alone"],
  ] as const;
  for (const [ours, theirs, name, against] of pairs)
    for (const [from, times] of [
      ["send", whole],
      ["the return of send", afterReturn],
    ] as const) {
      const [own, baseline] = [times.get(ours) ?? [], times.get(theirs) ?? []];
      const ratio = quartiles(own.map((time, index) => time / Math.max(baseline[index] ?? 1, 0.1)));
      report({
        bench: "messages",
        name: `${name}, from ${from} to its handler`,
        on,
        unit: "ms",
        ours: quartiles(own).median,
        against,
        baseline: quartiles(baseline).median,
        ratio: quartiles(own).median / Math.max(quartiles(baseline).median, 0.1),
        spread: [ratio.q1, ratio.q3],
      });
    }

  const last = receiver.next("durable", 10_000 + many - 1);
  const began = now();
  await Promise.all(Array.from({ length: many }, (_, n) => ways.durable?.(10_000 + n)));
  const { at } = await last;
  report({
    bench: "messages",
    name: `durable messages, ${many} at once, until the last is handled`,
    on,
    unit: "a second",
    ours: (many / (at - began)) * 1000,
  });
  await receiver.end();
  await bare.realtime.disconnect();
  await agent.stop();
  await mayfly.close();
}

for (const on of databases()) {
  const { local, sql, close } = await openStack(on, limits);
  await measureOn(on, local, sql);
  await close();
}
