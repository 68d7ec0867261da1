/** Debug records. The tenant keeps them for a week. */
import { agentOf, type Room } from "./world.ts";

export const debug: Room = async (world) => {
  const grace = agentOf(world, "grace");
  grace.debug.task("Read the payment service's log", { file: "payment-2026-11-23.log" });
  grace.debug.step("Opened the file", { bytes: 41_230_112 });
  grace.debug.tool("grep", { pattern: "timeout" }, { durationMs: 5_120 });
  grace.debug.decision("Look at locks, not at the network", { because: "all wait for orders" });
  grace.debug.error("The file has gaps", { from: "08:30", to: "08:34" });
  return [
    "debug records of every agent, kept for a week; those of grace show how she found the fault",
  ];
};
