import type { Recommendation, Recommendations } from "@mayfly/sdk";
import type { Command } from "commander";
import {
  execute,
  list,
  type ProjectOptions,
  type Session,
  share,
  whole,
  withProject,
} from "./command.ts";
import { dataOf } from "./failure.ts";
import { printable, shorten } from "./format-values.ts";
import type { Output } from "./output.ts";
import { openProject } from "./project.ts";

interface Options extends ProjectOptions {
  limit: number;
  minReward?: number;
  tags?: string[];
}

export function addRecommend(program: Command): void {
  const command = program
    .command("recommend")
    .description("show what worked before for similar tasks, by reward")
    .argument("<task>", "what you want to do")
    .option("--limit <number>", "1 to 20", whole(1, 20), 5)
    .option(
      "--min-reward <number>",
      "how high the average reward must be to count as having worked (default: 0.5)",
      share,
    )
    .option("--tags <tags>", "must have all of these, separated by commas", list)
    .addHelpText("after", `\nExamples:\n  mayfly recommend "rotate the signing key"`);
  withProject(command).action((task: string, options: Options) =>
    execute(options, (session) => recommend(task, options, session)),
  );
}

async function recommend(task: string, options: Options, { output }: Session): Promise<undefined> {
  const { limit, minReward, tags } = options;
  const { mayfly } = await openProject(options, output);
  const found = dataOf(
    await mayfly.memory.recommend(task, {
      limit,
      ...(minReward !== undefined && { minReward }),
      ...(tags && { tags }),
    }),
  );
  output.answer(found, () => linesOf(found, output));
  return undefined;
}

function linesOf({ reason, recommendations, avoid }: Recommendations, output: Output): string[] {
  const way = ({ memory, expected, reasons }: Recommendation) => [
    `${expected.toFixed(2)}  ${shorten(printable(memory.output || memory.input || memory.task), 300)}`,
    ...reasons.map((one) => `      ${output.paint("dim", printable(one))}`),
  ];
  return [
    ...(reason === null ? [] : [reason]),
    ...recommendations.flatMap(way),
    ...(avoid.length > 0 ? [output.paint("dim", "What did not work:")] : []),
    ...avoid.flatMap(way),
  ];
}
