// A specialised worker: learning. One agent compresses the files of a folder in several ways, and
// remembers as an episode how well each way worked. The learner is a workflow that is declared as a
// graph. It reads those episodes, finds the best way for each kind of file, and remembers it as a
// lesson. A newcomer, which nobody has told anything, recalls the lesson.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, deflateRawSync, gzipSync } from "node:zlib";
import { graph } from "@mayfly/sdk";
import { z } from "zod";
import { readArguments } from "../arguments.ts";
import { openProject } from "../jobs/project.ts";

const [folder = "."] = readArguments("[folder]").words;
const { mayfly } = await openProject();
const ways = { gzip: gzipSync, deflate: deflateRawSync, brotli: brotliCompressSync };

const worker = await agentOf("compressor");
for (const file of await readdir(folder)) {
  const kind = /\.(ts|md|json)$/.exec(file)?.[1];
  if (!kind) continue;
  const bytes = (await readFile(join(folder, file))).subarray(0, 200_000);
  for (const [way, compress] of Object.entries(ways)) {
    const reward = Math.max(0, 1 - compress(bytes).length / Math.max(1, bytes.length));
    const tags = [`compress:${kind}`, `from:${worker.id}`];
    await worker.remember({ kind: "episode", task: `Compress ${file}`, output: way, reward, tags });
  }
}
const { error: unsynced } = await worker.sync();
if (unsynced) throw unsynced;

const Kind = z.object({
  tag: z.string(),
  tries: z.array(z.object({ how: z.string(), reward: z.number() })),
});
const Lesson = z.object({ tag: z.string(), how: z.string(), gain: z.number(), tries: z.number() });

const learn = graph(
  "learn",
  z.object({ agentId: z.string(), least: z.number() }),
  {
    collect: { result: z.array(Kind) },
    compare: { needs: ["collect"], map: "collect", result: Lesson.nullable() },
    distil: { needs: ["compare"], result: z.array(Lesson) },
    remember: {
      needs: ["distil"],
      when: "$.distil.size() > 0",
      maxAttempts: 3,
      result: z.number(),
    },
    tell: { needs: ["distil"], optional: ["remember"], result: z.array(z.string()) },
  },
  { result: "tell" },
);

const learner = await agentOf("learner");
const { error: idle } = await learner.work(
  learn.handlers({
    collect: async ({ input: { agentId } }) => {
      const kinds = new Map<string, z.infer<typeof Kind>>();
      for (let after = ""; ; ) {
        const page = await mayfly.memory.list({
          agentId,
          kinds: ["episode"],
          ...(after && { after }),
        });
        if (page.error) throw page.error;
        for (const { tags, output, reward } of page.data.memories) {
          const tag = tags.find((one) => one.startsWith("compress:"));
          if (!tag || reward === null || !output) continue;
          const kind = kinds.get(tag) ?? { tag, tries: [] };
          kind.tries.push({ how: output, reward });
          kinds.set(tag, kind);
        }
        if (!page.data.next) return [...kinds.values()];
        after = page.data.next;
      }
    },
    compare: ({ item: { tag, tries }, input }) => {
      const means = Object.entries(Object.groupBy(tries, ({ how }) => how)).map(
        ([how, all = []]) => ({
          how,
          mean: all.reduce((sum, { reward }) => sum + reward, 0) / all.length,
        }),
      );
      const [best, next] = means.toSorted((a, b) => b.mean - a.mean);
      if (!best || !next || tries.length < input.least) return null;
      return {
        tag,
        how: best.how,
        gain: Number((best.mean - next.mean).toFixed(4)),
        tries: tries.length,
      };
    },
    distil: ({ compare }) =>
      compare.filter((one) => one !== null).filter(({ gain }) => gain >= 0.001),
    remember: async ({ distil }) => {
      for (const { tag, how, tries } of distil)
        await learner.remember({
          kind: "learning",
          task: `Which way to ${tag.replace(":", " ")} files?`,
          output: `${how}: the best of ${tries} tries.`,
          tags: ["lesson"],
        });
      const { error: unsynced } = await learner.sync();
      if (unsynced) throw unsynced;
      return distil.length;
    },
    tell: ({ distil, remember }) => [
      ...distil.map(({ tag, how, tries }) => `${tag}: ${how} is best, of ${tries} tries`),
      `${remember ?? 0} lessons remembered`,
    ],
  }),
);
if (idle) throw idle;

const { data: run, error } = await mayfly.workflows.start(learn, { agentId: worker.id, least: 3 });
if (error) throw error;
const { data: ended, error: unended } = await mayfly.jobs.ended<string[]>(run.id);
if (unended) throw unended;
if (ended.status !== "succeeded") throw new Error(ended.error?.message ?? ended.status);
for (const line of ended.result ?? []) console.log(line);

const newcomer = await agentOf("newcomer");
const { data: known, error: unknown } = await newcomer.recall("Which way to compress md files?", {
  kinds: ["learning"],
});
if (unknown) throw unknown;
console.log("A newcomer recalls:", known.results[0]?.output ?? "nothing");
await mayfly.close({ stopAgents: true });

async function agentOf(name: string) {
  const { data: agent, error: refused } = await mayfly.spawn({ name, lifetime: 300 });
  if (refused) throw refused;
  return agent;
}
