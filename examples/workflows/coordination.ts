// A specialised worker: coordination. It plans the review of a folder, and gives each part to an
// agent with the right capability. It waits for all parts, gives those that failed to another agent,
// and sums up. While the workflow waits, it keeps no worker busy.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { workflow } from "@mayfly/sdk";
import { z } from "zod";
import { readArguments } from "../arguments.ts";
import { openProject } from "../jobs/project.ts";
import { dataOf } from "../tenant.ts";

const [folder = "."] = readArguments("[folder]").words;
const { mayfly } = await openProject();
const skills = { ts: "code", md: "prose", json: "data" } as const;
const findings = {
  code: (text: string) =>
    `${text.match(/\bawait\b/g)?.length ?? 0} awaits in ${text.split("\n").length} lines`,
  prose: (text: string) => {
    const sentences = text.split(/[.!?]\s/).filter((one) => one.trim() !== "");
    const longest = Math.max(...sentences.map((one) => one.split(/\s+/).length));
    return `${sentences.length} sentences, the longest of ${longest} words`;
  },
  // With invalid JSON, this fails, and another agent looks at the file.
  data: (text: string) => `${Object.keys(JSON.parse(text)).length} keys`,
};
type Found = { by: string; file: string; finding: string };

const coordinate = workflow(
  "coordinate",
  z.object({ folder: z.string() }),
  async (ctx, { folder }) => {
    const files = await ctx.step("plan", async () =>
      (await readdir(folder)).filter((file) => skillOf(file) !== undefined).sort(),
    );
    const results = await ctx.map("review", files, async (file, each) => {
      const task = { folder, file };
      const target = { capabilities: [skillOf(file) as string] };
      try {
        return await each.child<Found>("review", task, { target, maxAttempts: 1 });
      } catch {
        // The specialist failed, so any agent may try.
        return each.child<Found>("look", task);
      }
    });
    const by = Object.groupBy(results, (found) => found.by);
    await ctx.report({ reviewed: results.length });
    return Object.entries(by).map(([who, all]) => ({
      who,
      findings: (all ?? []).map(({ file, finding }) => `${file}: ${finding}`),
    }));
  },
);

const coordinator = await agentOf("coordinator", []);
dataOf(await coordinator.work(coordinate.handlers));
for (const skill of Object.values(skills)) {
  const agent = await agentOf(`${skill}-reviewer`, [skill]);
  const read = async ({ folder, file }: { folder: string; file: string }) => ({
    by: agent.name,
    file,
    text: await readFile(join(folder, file), "utf8"),
  });
  const handlers = {
    review: async (task: { folder: string; file: string }): Promise<Found> => {
      const { text, ...found } = await read(task);
      return { ...found, finding: findings[skill](text) };
    },
    look: async (task: { folder: string; file: string }): Promise<Found> => {
      const { text, ...found } = await read(task);
      return {
        ...found,
        finding: `${text.length} characters, which ${skillOf(task.file)} could not read`,
      };
    },
  };
  dataOf(await agent.work(handlers));
}
const { data: run, error } = await mayfly.workflows.start(coordinate, { folder });
if (error) throw error;
const { data: ended, error: unended } = await mayfly.jobs.ended<
  { who: string; findings: string[] }[]
>(run.id);
if (unended) throw unended;
if (ended.status !== "succeeded") throw new Error(ended.error?.message ?? ended.status);
for (const { who, findings: all } of ended.result ?? []) {
  console.log(`${who}:`);
  for (const finding of all) console.log(`  ${finding}`);
}
await mayfly.close({ stopAgents: true });

function skillOf(file: string): "code" | "prose" | "data" | undefined {
  return skills[file.split(".").at(-1) as keyof typeof skills];
}

async function agentOf(name: string, capabilities: string[]) {
  const { data: agent, error: refused } = await mayfly.spawn({ name, capabilities, lifetime: 300 });
  if (refused) throw refused;
  return agent;
}
