import { invalid } from "../contract/invalid.ts";
import { Reservations } from "../costs/reservations.ts";
import { withKind } from "../jobs/handler-kind.ts";
import type { HeldJob } from "../jobs/held-job.ts";
import type { JobHandlers } from "../jobs/local-job.ts";
import { observe } from "../link/observe.ts";
import { loadAi } from "./ai.ts";
import { runLoop } from "./loop.ts";
import type { SecretResolver } from "./secrets.ts";
import type { Agentlike } from "./types.ts";

/** Options of a worker that runs agents. */
export interface RunAgentsOptions {
  /** Provides secrets of a tenant to tools and models, by name. */
  secrets?: SecretResolver;
}

/**
 * Returns job handlers for `work` and `serveJobs`. A worker with these handlers runs the given
 * agents, the agents that they ask, and the agents that take over from them. Needs the package
 * `ai`, version 7.
 *
 * @param given the agents, and after them the options.
 *
 * @example
 * const { data: work } = await agent.work(runAgents(analyst, editor));
 * await agent.work({ ...runAgents(analyst), summarise: async (input) => summary(input.url) });
 */
export function runAgents(
  // biome-ignore lint/suspicious/noExplicitAny: whatever they answer.
  ...given: (Agentlike<any> | RunAgentsOptions)[]
): JobHandlers {
  const agents = new Map<string, Agentlike<unknown>>();
  let options: RunAgentsOptions = {};
  for (const one of given)
    if ("name" in one) collect(one as Agentlike<unknown>, agents);
    else options = one;
  return Object.fromEntries(
    [...agents.values()].map((agent) => [
      `run:${agent.name}`,
      withKind(async (_input, job) => {
        const ai = await loadAi();
        const { id: runId, attempt } = job;
        const about = () => ({ kind: "agent", name: agent.name, runId, attempt }) as const;
        await observe(job.door.telemetry, about, (tell) => {
          const { secrets } = options;
          return runLoop({ ai, job, reservations: reservationsOf(job), secrets, tell }, agent);
        });
      }, agent.options),
    ]),
  );
}

/** One `Reservations` for each worker. All its runs use it, so that several runs reserve with one call. */
const shared = new WeakMap<object, Reservations>();

function reservationsOf(job: HeldJob): Reservations {
  const known =
    shared.get(job.door) ?? new Reservations((name, values, form) => job.call(name, values, form));
  shared.set(job.door, known);
  return known;
}

function collect(agent: Agentlike<unknown>, into: Map<string, Agentlike<unknown>>): void {
  const known = into.get(agent.name);
  if (known === agent) return;
  if (known) throw invalid("agents", `must not have two agents with the name ${agent.name}`);
  into.set(agent.name, agent);
  const { delegates = [], handOver = [] } = agent.options;
  for (const other of [...delegates, ...handOver]) collect(other as Agentlike<unknown>, into);
}
