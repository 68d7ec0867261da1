import { findRunning } from "@mayfly/local";
import "./as-command.ts";
import { openTenant } from "./tenant.ts";

const project = await findRunning(".mayfly");
if (!project) {
  console.error("No project is running in this folder. Start one in another terminal: npm start");
  process.exit(1);
}
const mayfly = await openTenant(project.apiUrl, project.secretKey, "talkers");
const { data: team, error } = await mayfly.spawnTeam([
  {
    names: ["ada"],
    scopes: ["message:send", "message:read", "channel:write", "channel:broadcast"],
  },
  { names: ["bob"], scopes: ["message:send", "message:read"], capabilities: ["review"] },
]);
if (error) throw error;
const [ada, bob] = team as [(typeof team)[0], (typeof team)[0]];

bob.on("query", async (message) => {
  console.log("bob is asked:", message.payload.question);
  await message.reply({ answer: "5432" });
});
const { data: reply, error: silence } = await ada.request(bob.id, "query", {
  question: "Which port?",
});
if (silence) throw silence;
console.log("ada hears:", reply.payload.answer);
await ada.send({ capability: "review" }, "review_request", { subject: "the port" });

await ada.channels.create({ name: "findings", kind: "broadcast" });
const published = await ada.channels.publish("findings", "info", { text: "It is 5432." });
if (published.error) throw published.error;
await new Promise<void>((heard) => {
  bob.channels.open("findings").on(
    (message) => {
      console.log("bob reads:", message.seq, message.payload.text);
      heard();
    },
    { since: "start" },
  );
});
await Promise.all([ada.stop(), bob.stop()]);
