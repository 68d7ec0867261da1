import type { Reembedded } from "@mayfly/sdk";
import type { Command } from "commander";
import { execute, type ProjectOptions, type Session, withProject } from "./command.ts";
import { dataOf, exitCodes } from "./failure.ts";
import { printable } from "./format-values.ts";
import { openProject } from "./project.ts";

interface Options extends ProjectOptions {
  forgetOthers?: boolean;
}

const examples = `
You can stop it at any time. If you run it again, it continues.

Examples:
  mayfly reembed                   after you changed MAYFLY_EMBEDDINGS_MODEL
  mayfly reembed --forget-others   also delete the vectors of other models`;

export function addReembed(program: Command): void {
  const command = program
    .command("reembed")
    .description("give every memory of the tenant a vector of the functions' model")
    .option(
      "--forget-others",
      "delete vectors of other models, including those that callers passed",
    )
    .addHelpText("after", examples);
  withProject(command).action((options: Options) =>
    execute(options, (session) => reembed(options, session)),
  );
}

async function reembed(options: Options, { output, interruption }: Session) {
  const { mayfly, tenant } = await openProject(options, output);
  let told = "";
  const done = dataOf(
    await mayfly.memory.reembed({
      forgetOthers: options.forgetOthers === true,
      signal: interruption.signal,
      onProgress: (progress) => {
        const line = lineOf(progress);
        if (line !== told) output.note(line);
        told = line;
      },
    }),
  );
  if (interruption.signal.aborted) return undefined;
  output.answer({ tenant, ...done }, () => [lineOf(done)]);
  return done.left > 0 ? exitCodes.failed : undefined;
}

function lineOf({ model, memories, embedded, dead, others, problem }: Reembedded): string {
  const parts = [
    `${embedded} of ${memories} by ${printable(model)}`,
    ...(dead > 0 ? [`${dead} failed until the next reembed`] : []),
    ...(others > 0 ? [`${others} vectors of other models`] : []),
  ];
  const why =
    problem && embedded < memories ? `; tried again after a pause: ${printable(problem)}` : "";
  return `${parts.join(", ")}${why}`;
}
