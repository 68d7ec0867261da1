/** The usage of the tenant, an enrolment key, and an open invitation. Runs last, because it counts the other data. */
import { done, type Room } from "./world.ts";

export const tenants: Room = async ({ mayfly }) => {
  await done(mayfly.keys.create({ name: "ci", scopes: ["memory:read", "memory:write"] }));
  await done(mayfly.people.members.invite({ role: "viewer", email: "viewer@example.com" }));
  const usage = await done(mayfly.tenants.usage());
  return [
    "1 enrolment key (ci), 1 open invitation (viewer@example.com)",
    `usage: ${usage.memories} memories, ${usage.living_agents} living agents, ${usage.bytes} bytes`,
  ];
};
