import type { Tuned } from "@mayfly/sdk";
import type { Command } from "commander";
import { execute, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf } from "./failure.ts";
import { printable } from "./format-values.ts";
import type { Output } from "./output.ts";
import { openProject } from "./project.ts";

interface Options extends ProjectOptions {
  questions: number;
  dryRun?: boolean;
  reset?: string;
}

const examples = `
Examples:
  mayfly tune                  measure, print the table, and set the weight for this tenant
  mayfly tune --dry-run        measure and print, but set nothing
  mayfly tune --reset gte-small   restore the default of the model`;

export function addTune(program: Command): void {
  const command = program
    .command("tune")
    .description(
      "measure how much the embedding model helps a recall, on the tenant's own memories",
    )
    .option("--questions <number>", "20 to 200", whole(20, 200), 60)
    .option("--dry-run", "set nothing")
    .option("--reset <model>", "restore the default weight of this model")
    .addHelpText("after", examples);
  withProject(command).action((options: Options) =>
    execute(options, (session) => tune(options, session)),
  );
}

async function tune(options: Options, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  if (options.reset !== undefined) {
    const worth = dataOf(await mayfly.memory.untune(options.reset));
    output.answer(worth, () => [
      `${printable(worth.model)}: the weight of meaning is ${worth.meaning} again.`,
    ]);
    return undefined;
  }
  const tuned = dataOf(
    await mayfly.memory.tune({
      questions: options.questions,
      apply: options.dryRun !== true,
      onProgress: ({ asked, questions }) => {
        if (asked % 20 === 0) output.note(`${asked} of ${questions} questions`);
      },
    }),
  );
  output.answer(tuned, () => linesOf(tuned, output));
  return undefined;
}

const how = {
  groups: "the question is a memory, the answers are the others of its conversation or task",
  passages: "the question is a passage without its rarer words, the answer is its memory",
};

function linesOf(tuned: Tuned, output: Output): string[] {
  const { model, mode, questions, table, meaning, before, applied, problem, unrelated } = tuned;
  const three = (value: number) => value.toFixed(3);
  const mark = (weight: number) =>
    [
      weight === meaning ? "best" : "",
      weight === before ? "before" : "",
      weight === 0 ? "words alone" : "",
    ]
      .filter(Boolean)
      .join(", ");
  return [
    `${printable(model)}, ${questions} questions: ${how[mode]}.`,
    ...output.table(
      ["MEANING", "nDCG@10", "FIRST HALF", "SECOND HALF", ""],
      table.map((one) => [
        String(Number(one.meaning.toFixed(2))),
        three(one.all),
        three(one.halves[0]),
        three(one.halves[1]),
        mark(one.meaning),
      ]),
    ),
    ...(problem ? [problem] : []),
    `${applied ? "Set" : "Not set"}: the weight of meaning is ${Number(meaning.toFixed(2))} in this tenant, and unrelated memories have a similarity of ${unrelated.toFixed(2)}.`,
  ];
}
