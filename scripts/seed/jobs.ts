/** One job that succeeded in two steps, one that failed, two that wait, and a schedule. */
import { agentOf, done, type Room } from "./world.ts";

export const jobs: Room = async (world) => {
  const { mayfly } = world;
  const read = await done(
    mayfly.jobs.add(
      "read-log",
      { file: "payment-2026-11-23.log" },
      { key: "read-log-1", attributes: { service: "payment", day: "2026-11-23" } },
    ),
  );
  const broken = await done(
    mayfly.jobs.add("read-log", { file: "none.log" }, { key: "read-log-2", maxAttempts: 1 }),
  );
  const work = await done(
    agentOf(world, "grace").work({
      "read-log": async ({ file }: { file: string }, job) => {
        if (file === "none.log") throw new Error("There is no such log.");
        const lines = await job.step("count", () => 41_230);
        return { lines, found: await job.step("search", () => "timeouts since 08:01") };
      },
    }),
  );
  await done(mayfly.jobs.ended(read.id));
  await done(mayfly.jobs.ended(broken.id));
  await work.stop();
  await done(
    mayfly.jobs.add([
      { name: "summarise", input: { topic: "Mondays" } },
      { name: "summarise", input: { topic: "timeouts" }, delay: "1h" },
    ]),
  );
  await done(
    mayfly.jobs.schedules.set("nightly", {
      cron: "0 3 * * *",
      timeZone: "Europe/Berlin",
      job: "summarise",
      input: { topic: "the day" },
    }),
  );
  return [
    "4 jobs: one succeeded in two steps, one is a dead letter, two wait; 1 schedule: nightly",
  ];
};
