/** The words after the name of an example or a script. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import process from "node:process";
import { Command } from "commander";

export interface Arguments {
  words: string[];
  /** The options that were given, without their hyphens. */
  flags: Set<string>;
}

/**
 * Reads the arguments. For `--help`, prints the form of the arguments and the comment at the top of the
 * program, and ends the process. Also ends it for an argument that the form does not have, with code 2.
 *
 * @param form such as `<folder> [question] [--check]`. `[folder...]` may be repeated.
 */
export function readArguments(form = ""): Arguments {
  const program = process.argv[1] ?? "";
  const parts = form.split(" ").filter(Boolean);
  const usage = commandOf(program, parts);
  const command = new Command()
    .configureHelp({ commandUsage: () => usage })
    .addHelpText("after", commentOf(program))
    .showSuggestionAfterError(false)
    .configureOutput({ outputError: (text, write) => write(`${sentence(text)} Usage: ${usage}\n`) })
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
  for (const part of parts)
    if (part.startsWith("[--")) command.option(part.slice(1, -1));
    else command.argument(part);
  command.parse();
  return { words: command.args, flags: new Set(Object.keys(command.opts())) };
}

/** `error: unknown option '--foo'` as a sentence. */
const sentence = (text: string) =>
  `${text.replace(/^error: (.)/, (_, first: string) => first.toUpperCase()).trim()}.`.replace(
    /\.+$/,
    ".",
  );

/** A whole number among the arguments. Throws if it is none, or is not within the bounds. */
export function wholeOf(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isInteger(number) && number >= least && number <= most)
    return number;
  throw new Error(`${name} must be an integer from ${least} to ${most}, and not ${text}.`);
}

/** How a person calls this program: as an npm script, or by its path. */
function commandOf(program: string, parts: string[]): string {
  const path = relative("", program);
  const { npm_lifecycle_event: script, npm_lifecycle_script: line } = process.env;
  const isScript = line?.split(/\s/).includes(path);
  const runtime = process.versions.deno ? "deno run" : "node_modules/.bin/node";
  const command = isScript
    ? ["npm run", script, ...(parts.length > 0 ? ["--"] : [])]
    : [runtime, path];
  return [...command, ...parts].join(" ");
}

/** The text of the comment with which a program begins. */
function commentOf(program: string): string {
  const text = readFileSync(program, "utf8");
  const [comment = ""] = /^(\/\*\*[\s\S]*?\*\/|(\/\/.*\n)+)/.exec(text) ?? [];
  const lines = comment.split("\n").map((line) => line.replace(/^ ?(\/\/|\/?\*+\/?) ?|\*\/$/g, ""));
  return comment && `\n${lines.join("\n").trim()}`;
}
