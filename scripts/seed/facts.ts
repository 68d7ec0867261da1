/** The agents' facts about services and people. One of them is superseded. */
import { agentOf, done, type Room } from "./world.ts";

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

export const facts: Room = async (world) => {
  const ada = agentOf(world, "ada");
  const grace = agentOf(world, "grace");
  const service = (name: string) => ({ name, type: "service" });
  await done(ada.facts.entities.set(service("billing"), { aliases: ["payments"] }));
  await done(
    ada.facts.record([
      {
        subject: service("billing"),
        predicate: "owner",
        object: { name: "Ines", type: "person" },
        validFrom: daysAgo(90),
      },
      {
        subject: service("billing"),
        predicate: "depends on",
        object: service("ledger"),
        many: true,
      },
      {
        subject: service("ledger"),
        predicate: "depends on",
        object: service("postgres"),
        many: true,
      },
      { subject: service("postgres"), predicate: "version", value: "17.4", confidence: 0.9 },
    ]),
  );
  await done(
    grace.facts.record([
      { subject: "payments", predicate: "owner", object: { name: "Tom", type: "person" } },
      { subject: "Tom", predicate: "away until", value: "Monday", visibility: "agent" },
    ]),
  );
  return [
    "6 facts about 5 entities: the owner of billing has changed, and one fact is grace's own",
  ];
};
