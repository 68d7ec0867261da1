/** A request with its reply, a handoff, and messages that wait in an inbox. */
import { agentOf, done, type Room } from "./world.ts";

export const messages: Room = async (world) => {
  const ada = agentOf(world, "ada");
  const grace = agentOf(world, "grace");
  const alan = agentOf(world, "alan");
  const barbara = agentOf(world, "barbara");

  grace.on("query", (message) => message.reply({ answer: "At 08:01." }).then(() => undefined));
  const reply = await done(ada.request(grace.id, "query", { question: "When do timeouts begin?" }));
  await done(ada.send(grace.id, "task_assignment", { task: "Find the first failed checkout" }));
  // Nobody listens for these, so they wait.
  await done(
    ada.send(barbara.id, "review_request", {
      subject: "Report on Mondays",
      criteria: ["cause", "fix"],
    }),
  );
  await done(grace.send(alan.id, "info", { text: "The log has gaps at 08:30." }));
  await done(
    alan.send({ capability: "review" }, "request_help", { problem: "Two exports have one name." }),
  );
  await done(
    ada.send({ type: "researcher" }, "status_update", {
      status: "The cause is known.",
      progress: 0.8,
    }),
  );
  return [
    `ada asked grace, who answered: ${(reply.payload as { answer?: string }).answer}`,
    "messages wait in the inboxes of alan, barbara, grace and radia",
  ];
};
