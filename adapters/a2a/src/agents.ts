import { AgentCard, type AgentSkill } from "@a2a-js/sdk";
import type { Agentlike } from "@mayfly/sdk";

interface Described {
  /** What this agent does. Other agents read it to choose an agent. */
  description: string;
  version?: string;
  /** By default, one skill with the agent's name and description. */
  skills?: (Pick<AgentSkill, "id" | "name" | "description"> & Partial<AgentSkill>)[];
}

/**
 * An agent that others can reach. With a definition from `defineAgent`, its tasks are runs. With the name
 * of a job, its tasks are jobs.
 */
export type A2AAgent = Described &
  // biome-ignore lint/suspicious/noExplicitAny: an agent may answer with any type.
  ({ agent: Agentlike<any>; job?: never } | { job: string; agent?: never });

/** The agent's name in addresses and on its card. @internal */
export const nameOf = ({ agent, job }: A2AAgent): string => agent?.name ?? job ?? "";

/** The name of the jobs that carry out the agent's tasks. @internal */
export const jobNameOf = ({ agent, job }: A2AAgent): string => (agent ? `run:${agent.name}` : job);

/** The agent card. Clients see its `description`, but nothing else of the agent's definition. @internal */
export function cardOf(agent: A2AAgent, url: string): AgentCard {
  const name = nameOf(agent);
  const { description, version = "1.0.0" } = agent;
  const skills = agent.skills ?? [{ id: name, name, description }];
  const { output } = agent.agent?.options ?? {};
  return AgentCard.fromJSON({
    ...{ name, description, version },
    supportedInterfaces: ["1.0", "0.3"].map((protocolVersion) => {
      return { url, protocolBinding: "JSONRPC", protocolVersion };
    }),
    capabilities: { streaming: true, pushNotifications: true },
    securitySchemes: { bearer: { httpAuthSecurityScheme: { scheme: "bearer" } } },
    securityRequirements: [{ schemes: { bearer: { list: [] } } }],
    defaultInputModes: ["text/plain", "application/json"],
    defaultOutputModes: [output || agent.job ? "application/json" : "text/plain"],
    skills: skills.map((skill) => ({ tags: [name], ...skill })),
  });
}
