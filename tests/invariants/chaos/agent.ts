/**
 * An agent in its own process, which a test kills. The agent does a mixed load, and prints one JSON line for
 * each action that was confirmed. When `remember` resolves, the memory is in the outbox's folder. When `sync`
 * resolves, the server has acknowledged the memory.
 */
import { type Agent, Mayfly } from "@mayfly/sdk";
import { randomOf } from "./random.ts";

export interface AgentOptions {
  url: string;
  key: string;
  tenant: string;
  storage: string;
  name: string;
  seed: number;
  /** An agent that can receive messages. */
  listener: string;
  /** By how many milliseconds the agent's clock differs from the true time. */
  skewMs?: number;
}

/** What the process of an agent prints. */
export type Said =
  | { said: "spawned"; agent: string; parent: string | null }
  | { said: "kept"; agent: string; memory: string; nth: number }
  | { said: "acknowledged"; agent: string; memories: string[] }
  | { said: "stopped"; agent: string }
  | { said: "sent"; agent: string; message: string }
  | { said: "recalled"; mode: string }
  | { said: "failed"; what: string; code: string; message: string };

const options = JSON.parse(process.argv[2] ?? "{}") as AgentOptions;
if (options.skewMs) shiftClock(options.skewMs);
const random = randomOf(options.seed);
const say = (said: Said) => process.stdout.write(`${JSON.stringify(said)}\n`);

const { url, key, tenant, storage } = options;
const mayfly = new Mayfly({ url, key, tenant, storage });

let nth = 0;
let sent = 0;
let unacknowledged: string[] = [];

/** The agent's actions. The number says how often it does each, relative to the others. */
const actions: [weight: number, action: (agent: Agent) => Promise<void>][] = [
  [6, remember],
  [5, sync],
  [3, send],
  [1, recall],
  [1, spawnChild],
];
const total = actions.reduce((sum, [weight]) => sum + weight, 0);

for (;;) {
  const { data: agent, error } = await mayfly.spawn({
    lifetime: 120,
    scopes: ["agent:read", "agent:spawn", "memory:read", "memory:write", "message:send"],
  });
  if (error) {
    fail("spawn", error);
    await pause(200);
    continue;
  }
  say({ said: "spawned", agent: agent.id, parent: null });
  nth = 0;
  sent = 0;
  let dead = false;
  void agent.ended.then(() => {
    dead = true;
  });
  while (!dead) {
    let at = random.between(1, total);
    for (const [weight, action] of actions) {
      at -= weight;
      if (at > 0) continue;
      await action(agent);
      break;
    }
    await pause(random.between(5, 60));
  }
}

async function remember(agent: Agent): Promise<void> {
  const count = random.between(1, 5);
  for (let each = 0; each < count; each++) {
    const { data, error } = await agent.remember({ task: `${options.name} ${agent.id} ${nth}` });
    if (error) return fail("remember", error);
    unacknowledged.push(data.id);
    say({ said: "kept", agent: agent.id, memory: data.id, nth: nth++ });
  }
}

async function sync(agent: Agent): Promise<void> {
  const asked = unacknowledged;
  const { error } = await agent.sync({ pull: random.next() < 0.3 });
  if (error) return fail("sync", error);
  unacknowledged = unacknowledged.filter((id) => !asked.includes(id));
  if (asked.length > 0) say({ said: "acknowledged", agent: agent.id, memories: asked });
}

async function send(agent: Agent): Promise<void> {
  const { data, error } = await agent.send(options.listener, "report", { nth: sent++ });
  if (error) return fail("send", error);
  say({ said: "sent", agent: agent.id, message: data.id });
}

async function recall(agent: Agent): Promise<void> {
  const { data, error } = await agent.recall(options.name, { limit: 3 });
  if (error) return fail("recall", error);
  say({ said: "recalled", mode: data.mode });
}

async function spawnChild(agent: Agent): Promise<void> {
  const { data: child, error } = await agent.spawn({ lifetime: 60, scopes: ["memory:read"] });
  if (error) return fail("spawn of a child", error);
  say({ said: "spawned", agent: child.id, parent: agent.id });
  const stopped = await child.stop("done");
  await child.close();
  if (stopped.error) return fail("stop", stopped.error);
  say({ said: "stopped", agent: child.id });
}

function fail(what: string, { code, message }: { code: string; message: string }): void {
  say({ said: "failed", what, code, message });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Changes the time that all code in this process gets, as on a machine with a wrong clock. */
function shiftClock(ms: number): void {
  const TrueDate = Date;
  Object.defineProperty(performance, "timeOrigin", { value: performance.timeOrigin + ms });
  globalThis.Date = class extends TrueDate {
    constructor(...given: [] | [string | number | Date]) {
      if (given.length === 0) super(TrueDate.now() + ms);
      else super(...(given as [string]));
    }
    static override now = () => TrueDate.now() + ms;
  } as DateConstructor;
}
