/**
 * The process in which the agents of agents.ts run. They show what they do, end or vanish, and new agents
 * take their place. A watcher follows their presence. The process reports to agents.ts what the watcher sees,
 * how late the watcher sees it, and how much memory the process uses.
 */
import { type Agent, Mayfly, type PresentAgent } from "@mayfly/sdk";
import { collectGarbage } from "./lib/memory.ts";

const [url = "", key = "", tenant = "", many = "0"] = process.argv.slice(2);
/** How often each agent shows something new. Realtime allows each agent four changes in 30 s. */
const changeMs = 30_000;
const heartbeatMs = 60_000;
/** How often an agent leaves and a new one takes its place. */
const turnoverMs = 5_000;
const sampleMs = 5_000;
/**
 * How many agents are spawned at once: few, because PGlite has one session, which checks one join at a time.
 */
const teamSize = 20;

const mayfly = new Mayfly({ url, key, tenant });
const agents: Agent[] = [];
/** By agent: the number `n` of its last change, when it was shown, and whether the watcher has seen it. */
const shown = new Map<string, { n: number; at: number; seen: boolean }>();
const lags: number[] = [];
const problems: string[] = [];
const problem = (error: unknown) =>
  void problems.push(error instanceof Error ? error.message : String(error));
let ending = false;

async function show(agent: Agent): Promise<void> {
  const n = (shown.get(agent.id)?.n ?? 0) + 1;
  shown.set(agent.id, { n, at: performance.now(), seen: false });
  const { error } = await agent.presence.track({ status: `step ${n}`, metadata: { n } });
  if (error && !ending) problem(error);
}

async function spawn(count: number): Promise<void> {
  const { data, error } = await mayfly.spawnTeam([{ type: "worker", count, lifetime: 900 }]);
  if (error) throw error;
  agents.push(...data);
  await Promise.all(data.map(show));
}

function see(present: PresentAgent[]): void {
  for (const { id, metadata } of present) {
    const last = shown.get(id);
    if (!last || last.seen || metadata?.n !== last.n) continue;
    last.seen = true;
    lags.push(performance.now() - last.at);
  }
  process.send?.({ what: "present", ids: present.map(({ id }) => id) });
}

let turn = 0;
async function turnOver(): Promise<void> {
  const [agent] = agents.splice(Math.floor(Math.random() * agents.length), 1);
  if (!agent) return;
  if (turn++ % 3 === 0) {
    // The agent vanishes as if it had crashed: its presence ends, but its row stays alive for a while.
    process.send?.({ what: "vanished", id: agent.id });
    await agent.client.realtime.disconnect();
    await agent.close();
  } else await agent.stop();
  shown.delete(agent.id);
  await spawn(1);
}

const watching = await mayfly.agents.watch(see, { onError: problem });
if (watching.error) throw watching.error;
for (let left = Number(many); left > 0; left -= teamSize) await spawn(Math.min(left, teamSize));
process.send?.({ what: "ready" });

/** Calls `step` for one agent after another, once for each agent in each period. */
function inTurns(periodMs: number, step: (agent: Agent) => Promise<unknown>) {
  let next = 0;
  return setInterval(() => {
    const agent = agents[next++ % agents.length];
    if (agent) void step(agent);
  }, periodMs / Number(many));
}
const timers = [
  inTurns(changeMs, show),
  inTurns(heartbeatMs, async (agent) => {
    const { error } = await agent.heartbeat({ activity: turn % 2 ? "thinking" : "executing" });
    // The heartbeat of an agent that has just been stopped may fail.
    if (error && agents.includes(agent)) problem(error);
  }),
  setInterval(() => void turnOver().catch(problem), turnoverMs),
  setInterval(() => {
    collectGarbage();
    const { heapUsed, rss } = process.memoryUsage();
    process.send?.({ what: "memory", heap: heapUsed, rss });
  }, sampleMs),
];

process.once("message", async () => {
  ending = true;
  for (const timer of timers) clearInterval(timer);
  process.send?.({ what: "done", lags, problems });
  await Promise.all(agents.map((agent) => agent.close()));
  await mayfly.close();
  process.exit(0);
});
