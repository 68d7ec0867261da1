/** Shared and own states, with versions and one that expires. */
import { agentOf, done, type Room } from "./world.ts";

export const state: Room = async (world) => {
  const ada = agentOf(world, "ada");
  const grace = agentOf(world, "grace");
  await done(ada.state.shared.set("plan", { steps: ["logs"], done: [] }));
  await done(
    ada.state.shared.set("plan", { steps: ["logs", "compare", "report"], done: ["logs"] }),
  );
  await done(grace.state.shared.patch("plan", { done: ["logs", "compare"], owner: "grace" }));
  await done(ada.state.shared.set("budget", { tokens: 200_000 }));
  await done(grace.state.set("position", { file: "access-2026-11-23.log", line: 18_220 }));
  await done(
    grace.state.set("lock", { by: "grace" }, { expiresAt: new Date(Date.now() + 3_600_000) }),
  );
  return ["4 states: plan (3 versions) and budget are shared; position and lock are grace's own"];
};
