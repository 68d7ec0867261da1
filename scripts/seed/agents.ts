/** Two agent types, and a tree with three levels: living agents, ended agents, and a suspended one. */
import type { Agent, SpawnOptions } from "@mayfly/sdk";
import { done, type Room, type World } from "./world.ts";

/** A working day, so that the agents are still alive when you look at the seed later. */
const lifetime = 8 * 3600;

export const agents: Room = async (world) => {
  const { mayfly } = world;
  await done(
    mayfly.agents.types.define({
      name: "researcher",
      role: "Finds out why something happens.",
      prompt: "Look for evidence first. Say how sure you are.",
      capabilities: ["search", "logs"],
      maxLifetime: lifetime,
    }),
  );
  await done(
    mayfly.agents.types.define({
      name: "reviewer",
      role: "Reads what others wrote, and says what is missing.",
      capabilities: ["review"],
      maxLifetime: lifetime,
    }),
  );

  const lead = await spawn(world, mayfly, {
    name: "ada",
    type: "lead",
    scopes: everything,
    task: "Find out why checkouts fail on Mondays",
  });
  const grace = await spawn(world, lead, {
    name: "grace",
    type: "researcher",
    scopes: everything,
    task: "Read the logs of the payment service",
  });
  await spawn(world, lead, {
    name: "alan",
    type: "researcher",
    task: "Compare Mondays with other days",
  });
  await spawn(world, lead, { name: "barbara", type: "reviewer", task: "Review the report" });
  await spawn(world, grace, { name: "linus", type: "parser", task: "Parse 40 MB of access logs" });
  const edsger = await spawn(world, lead, { name: "edsger", type: "reviewer" });
  const tim = await spawn(world, grace, { name: "tim", type: "parser" });
  const radia = await spawn(world, lead, { name: "radia", type: "researcher" });

  await done(edsger.stop("The review is finished."));
  await done(tim.stop("The log file was empty."));
  await done(radia.suspend("Waits for access to the staging database."));
  for (const ended of ["edsger", "tim", "radia"]) world.agents.delete(ended);
  await done(world.agents.get("grace")?.heartbeat({ activity: "executing" }) ?? lead.heartbeat());
  await done(lead.heartbeat({ activity: "waiting_review" }));
  return [
    "2 types: researcher, reviewer",
    "8 agents under ada: 5 live for eight hours, 2 have stopped, 1 is suspended",
  ];
};

const everything = [
  ...["agent:spawn", "agent:read", "agent:stop", "presence:read", "presence:write"],
  ...["memory:read", "memory:write", "message:send", "message:read"],
  ...["channel:write", "channel:broadcast", "state:read", "state:write"],
  ...["job:add", "job:read", "job:work", "cost:read", "cost:write"],
  ...["fact:read", "fact:write", "debug:read", "debug:write"],
];

async function spawn(
  { agents }: World,
  by: { spawn: (options: SpawnOptions) => ReturnType<Agent["spawn"]> },
  options: SpawnOptions & { name: string },
): Promise<Agent> {
  const agent = await done(by.spawn({ lifetime, ...options }));
  agents.set(options.name, agent);
  return agent;
}
