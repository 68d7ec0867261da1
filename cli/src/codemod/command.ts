import type { Command } from "commander";
import { type CommonOptions, execute, type Session, withJson } from "../command.ts";
import { exitCodes, usage } from "../failure.ts";

interface Options extends CommonOptions {
  dryRun?: boolean;
}

const examples = `
It finds members by their types, so install the SDK first. Without types, it changes only variables
that are called agent or mayfly. Commit first, and read the diff afterwards.

Examples:
  mayfly codemod 0.2                      everything in this folder
  mayfly codemod 0.2 src docs --dry-run   what would be changed there`;

export function addCodemod(program: Command): void {
  withJson(
    program
      .command("codemod")
      .description("rewrite code and Markdown to the names of a release")
      .argument("<release>", "0.2")
      .argument("[paths...]", "files and folders; this folder by default")
      .option("--dry-run", "show the changes, but write nothing")
      .addHelpText("after", examples),
  ).action((release: string, paths: string[], options: Options) =>
    execute(options, (session) => run(release, paths, options, session)),
  );
}

async function run(release: string, paths: string[], options: Options, { output }: Session) {
  if (!/^0\.2(?:\.\d+)?$/.test(release))
    throw usage(`There is no codemod for ${release}.`, "There is one for 0.2.");
  // The codemod includes a compiler, so load it only for this command.
  const { codemod } = await import("./codemod.ts");
  const changed = await codemod({
    paths: paths.length > 0 ? paths : ["."],
    dryRun: options.dryRun === true,
  });
  const byHand = changed.flatMap(({ path, byHand: left }) => left.map((one) => ({ path, ...one })));
  output.answer({ changed }, () => [
    ...changed
      .filter(({ edits }) => edits > 0)
      .map(({ path, edits }) => `${path}: ${edits} ${edits === 1 ? "place" : "places"}`),
    ...byHand.map(({ path, line, what }) => `${path}:${line}: change by hand: ${what}`),
    ...(changed.length === 0 ? ["Nothing uses a name that has changed."] : []),
  ]);
  return byHand.length > 0 ? exitCodes.failed : undefined;
}
