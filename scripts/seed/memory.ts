/** Memories of several kinds with vectors, a private one, a forgotten one, and a conflict. */
import type { NewMemory } from "@mayfly/sdk";
import { agentOf, done, type Room } from "./world.ts";

const learned: [who: string, memory: NewMemory][] = [
  [
    "ada",
    {
      kind: "task_result",
      task: "Why do checkouts fail on Mondays?",
      output: "The nightly export holds a lock on orders until 09:10 on Mondays.",
      reward: 0.95,
      importance: 9,
      tags: ["checkout", "locks"],
    },
  ],
  [
    "grace",
    {
      task: "Read the payment service's log of 23 November",
      output: "Timeouts begin at 08:01 and end at 09:12. All of them wait for the table orders.",
      reward: 0.8,
      tags: ["checkout", "logs"],
    },
  ],
  [
    "grace",
    {
      task: "Search the logs with a regular expression over 40 MB",
      output: "It took nine minutes.",
      critique: "Index the log first: the second search would have been free.",
      reward: 0.3,
      success: false,
      tags: ["logs"],
    },
  ],
  [
    "alan",
    {
      kind: "fact",
      task: "When does the export run?",
      output: "At 06:00, and on Mondays at 08:00 with the week's totals.",
      importance: 8,
      tags: ["export"],
    },
  ],
  [
    "alan",
    {
      kind: "learning",
      task: "Comparing days",
      output: "Compare a day with the same weekday of other weeks, not with the day before.",
      reward: 0.7,
      tags: ["method"],
    },
  ],
  [
    "barbara",
    {
      task: "Review the first draft of the report",
      output: "The cause is right; the proposed fix would lose orders during a retry.",
      reward: 0.9,
      tags: ["review", "checkout"],
    },
  ],
  [
    "linus",
    {
      kind: "general",
      task: "Format of the access logs",
      output: "Tab-separated; the fourth column is the duration in microseconds.",
      tags: ["logs"],
    },
  ],
];
const services = ["payment", "orders", "catalogue", "search", "mail"];
const findings = [
  "a slow query",
  "a missing index",
  "a retry loop",
  "nothing unusual",
  "a full disk",
];

export const memory: Room = async (world) => {
  const { random } = world;
  for (const [who, content] of learned) await done(agentOf(world, who).remember(content));
  await done(
    agentOf(world, "barbara").remember({
      task: "Note to myself",
      output: "Ask ada who may change the export.",
      visibility: "agent",
    }),
  );
  const routine = 40;
  for (let n = 1; n <= routine; n++) {
    const service = services[Math.floor(random() * services.length)];
    const found = findings[Math.floor(random() * findings.length)];
    await done(
      agentOf(world, "linus").remember({
        task: `Check ${n} of the ${service} service`,
        output: `Found ${found}.`,
        reward: Math.round(random() * 100) / 100,
        tags: ["routine", `${service}`],
        tokens: 200 + Math.floor(random() * 800),
      }),
    );
  }
  const ada = agentOf(world, "ada");
  const { id: doubted } = await done(
    ada.remember({
      kind: "fact",
      task: "How long does the export take?",
      output: "Forty minutes.",
      tags: ["export"],
    }),
  );
  const { id: wrong } = await done(ada.remember({ task: "A guess", output: "It is the cache." }));
  for (const agent of world.agents.values()) await done(agent.sync());

  // Two agents correct it at the same time, so the second change becomes a conflict.
  const base = { output: "Forty minutes." };
  await done(ada.memory.update(doubted, { set: { output: "Seventy minutes on Mondays." } }));
  await done(ada.memory.forget(wrong));
  await done(ada.sync());
  const grace = agentOf(world, "grace");
  await done(
    grace.memory.update(doubted, {
      set: { output: "Sixty-nine minutes, by the log." },
      base,
      resolve: "manual",
    }),
  );
  await done(grace.sync());
  const { data: recalled } = await ada.recall("why does the checkout fail?");
  const best = recalled?.results[0];
  return [
    `${learned.length + routine + 2} memories, one of them private to barbara, and one forgotten`,
    "1 conflict: how long the export takes",
    `recall("why does the checkout fail?") finds first: ${best?.task ?? "nothing"}`,
  ];
};
