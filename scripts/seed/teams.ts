/** A team with a blackboard, a closed and an open poll, a tender with bids, and an assigned job. */
import { done, type Room } from "./world.ts";

export const teams: Room = async ({ mayfly }) => {
  const { team, members } = await done(
    mayfly.teams.spawn("postmortem", {
      lead: "planner",
      members: { reader: 3, reviewer: { capabilities: ["review"] } },
      task: "Write down why checkouts failed on Monday",
      deadline: "8h",
      budget: { hardUsd: 5, softUsd: 4 },
    }),
  );
  const space = mayfly.teams.of(team.id);
  await done(space.blackboard.set("plan", { steps: ["timeline", "causes", "actions"], done: 1 }));
  await done(
    space.blackboard.remember({
      task: "Timeline",
      output: "08:01 first timeout; 08:30 to 08:34 no log; 09:00 the lock was released.",
    }),
  );
  const readers = members.reader ?? [];
  const cause = await done(
    mayfly.teams.polls.open("Was the lock the cause?", { team: team.id, within: "1h" }),
  );
  const voters = [...readers, ...(members.reviewer ?? [])];
  for (const voter of voters) {
    const { error } = await voter.teams.polls.vote(cause.id, "yes", "All waits are for orders.");
    if (error && error.code !== "poll_closed") throw error;
  }
  await done(mayfly.teams.polls.open("Publish it today?", { team: team.id, within: "8h" }));
  const tender = await done(
    mayfly.teams.tenders.open(
      { name: "draw-timeline", input: { from: "08:00", until: "09:10" } },
      { team: team.id, within: "8h" },
    ),
  );
  for (const [at, reader] of readers.slice(0, 2).entries())
    await done(reader.teams.tenders.bid(tender.id, { price: 3 - at }));
  await done(
    mayfly.teams.assign(
      { name: "review", input: { page: "postmortem.md" } },
      { capabilities: ["review"], team: team.id },
    ),
  );
  return ["1 team of 5 with a blackboard, 2 polls (one is closed), 1 tender with bids, 1 job"];
};
