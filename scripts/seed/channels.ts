/** A broadcast channel with a history, and a two-way one. */
import { agentOf, done, type Room } from "./world.ts";

export const channels: Room = async (world) => {
  const ada = agentOf(world, "ada");
  const grace = agentOf(world, "grace");
  await done(
    ada.channels.create({
      name: "findings",
      kind: "broadcast",
      description: "What is known for sure.",
      publishers: [grace.id],
    }),
  );
  await done(ada.channels.create({ name: "mondays", description: "Everything about Mondays." }));
  for (const name of ["grace", "alan"]) {
    await done(agentOf(world, name).channels.subscribe("findings"));
    await done(agentOf(world, name).channels.subscribe("mondays"));
  }
  const found = [
    "Timeouts begin at 08:01.",
    "All wait for the table orders.",
    "They end at 09:12.",
  ];
  for (const text of found) await done(grace.channels.publish("findings", "info", { text }));
  await done(
    ada.channels.publish("findings", "artifact", { name: "report.md", content: "# Mondays" }),
  );
  await done(
    agentOf(world, "alan").channels.publish("mondays", "info", { text: "Last week was the same." }),
  );
  return ["2 channels: findings with 4 messages, mondays with 1; grace and alan follow both"];
};
