import type { Clusters } from "@mayfly/sdk";
import type { Command } from "commander";
import { execute, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf } from "./failure.ts";
import { count, printable } from "./format-values.ts";
import type { Output } from "./output.ts";
import { openProject } from "./project.ts";

interface Options extends ProjectOptions {
  count?: number;
  sample: number;
}

export function addClusters(program: Command): void {
  const command = program
    .command("clusters")
    .description("show what the tenant's memories are about")
    .option("--count <number>", "show at most this many clusters: 2 to 50", whole(2, 50))
    .option(
      "--sample <number>",
      "how many memories to look at, 10 to 3000",
      whole(10, 3_000),
      1_000,
    )
    .addHelpText("after", "\nExamples:\n  mayfly clusters\n  mayfly clusters --count 8 --json");
  withProject(command).action((options: Options) =>
    execute(options, (session) => show(options, session)),
  );
}

async function show(options: Options, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const { count: most, sample } = options;
  const found = dataOf(await mayfly.memory.clusters({ sample, ...(most && { count: most }) }));
  output.answer(found, () => linesOf(found, output));
  return undefined;
}

function linesOf({ memories, sampled, clusters, unclustered }: Clusters, output: Output): string[] {
  if (clusters.length === 0) return ["No two memories share a topic."];
  return [
    ...output.table(
      ["MEMORIES", "REWARD", "NAME", "SUCH AS"],
      clusters.map(({ name, size, averageReward, examples }) => [
        String(size),
        averageReward === null ? "" : averageReward.toFixed(2),
        printable(name),
        printable(examples[0]?.task ?? "").slice(0, 60),
      ]),
    ),
    `Looked at ${count(sampled, "memory", "memories")} of ${memories}. ${unclustered} share no topic with another.`,
  ];
}
