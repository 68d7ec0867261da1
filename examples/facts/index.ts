/**
 * Extracts facts from a transcript, records them, and asks for them. With AI_GATEWAY_API_KEY a model of the AI
 * SDK extracts them (EXTRACTION_MODEL names it), otherwise a rule-based stand-in.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { findRunning } from "@mayfly/local";
import { readArguments } from "../arguments.ts";
import { dataOf, openTenant } from "../tenant.ts";
import { extractByRules } from "./by-rules.ts";
import { linesOf, toFacts } from "./extraction.ts";
import { extractByModel } from "./with-model.ts";

const [file = join(import.meta.dirname, "transcript.txt")] = readArguments("[transcript]").words;
const project = await findRunning(".mayfly");
if (!project) {
  console.error("No project is running in this folder. Start one in another terminal: npm start");
  process.exit(1);
}
const lines = linesOf(await readFile(file, "utf8"));

const model = process.env.EXTRACTION_MODEL ?? "openai/gpt-5-mini";
const hasKey = Boolean(process.env.AI_GATEWAY_API_KEY);
console.log(
  hasKey
    ? `Extracted by ${model}.`
    : "AI_GATEWAY_API_KEY is not set, so a rule-based stand-in extracts. It knows only the sentences of this transcript.",
);
const found = hasKey ? await extractByModel(model, lines) : extractByRules(lines);

const mayfly = await openTenant(project.apiUrl, project.secretKey, "example-facts");
const agent = dataOf(await mayfly.spawn({ type: "listener", lifetime: 60 }));
const recorded = dataOf(await agent.facts.record(toFacts(found, lines)));
const count = (status: string) => recorded.filter((one) => one.status === status).length;
console.log(
  `${recorded.length} facts: ${count("recorded")} new, ${count("superseded")} in place of another, ${count("confirmed")} confirmed`,
);

const answer = dataOf(await agent.facts.recall("Who owns billing, and what does it need?"));
for (const { subject, predicate, object } of answer.facts)
  console.log(`  ${subject.name} ${predicate} ${object?.name}`);
const before = dataOf(
  await agent.facts.list({
    subject: { name: "billing", type: "service" },
    predicate: "owner",
    asOf: new Date("2026-03-05T00:00:00Z"),
  }),
);
console.log(`On 5 March the owner of billing was ${before[0]?.object?.name ?? "unknown"}.`);
const around = dataOf(
  await agent.facts.traverse(
    { name: "billing", type: "service" },
    { hops: 3, direction: "out", predicates: ["depends_on"] },
  ),
);
const reached = around.entities.filter(({ hops }) => hops > 0);
console.log(`billing needs ${reached.map(({ name, hops }) => `${name} (${hops})`).join(", ")}`);
await agent.stop();
await mayfly.close();
