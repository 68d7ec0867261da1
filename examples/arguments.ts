/** The words after the name of an example or a script. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

export interface Arguments {
  words: string[];
  /** The options that were given, without their hyphens. */
  flags: Set<string>;
}

/**
 * Reads the arguments. For `--help`, prints the form of the arguments and the comment at the top of the
 * program, and ends the process. Also ends it for an argument that the form does not have.
 *
 * @param form such as `<folder> [question] [--check]`. `[folder...]` may be repeated.
 */
export function readArguments(form = ""): Arguments {
  const parts = form.split(" ").filter(Boolean);
  const known = parts.flatMap((part) => /^\[--([a-z-]+)\]$/.exec(part)?.[1] ?? []);
  const places = parts.filter((part) => !part.startsWith("[--"));
  const usage = `Usage: ${commandOf(process.argv[1] ?? "", parts)}`;
  const { tokens } = parseArgs({
    args: process.argv.slice(2),
    options: {
      help: { type: "boolean", short: "h" },
      ...Object.fromEntries(known.map((name) => [name, { type: "boolean" as const }])),
    },
    strict: false,
    tokens: true,
  });
  const given = tokens.filter((token) => token.kind === "option");
  if (given.some(({ name }) => name === "help")) {
    console.log([usage, ...commentOf(process.argv[1] ?? "")].join("\n"));
    process.exit(0);
  }
  const refuse = (what: string): never => {
    console.error(`${what} ${usage}`);
    process.exit(2);
  };
  for (const { name, rawName, value } of given)
    if (!known.includes(name)) refuse(`There is no option ${rawName}.`);
    else if (value !== undefined) refuse(`The option ${rawName} takes no value.`);
  const words = tokens.flatMap((token) => (token.kind === "positional" ? [token.value] : []));
  const most = places.at(-1)?.endsWith("...]") ? Number.POSITIVE_INFINITY : places.length;
  if (words.length > most) refuse(`There is an argument too many: ${words[most]}.`);
  const missing = places.slice(words.length).find((place) => place.startsWith("<"));
  if (missing) refuse(`The argument ${missing} is missing.`);
  return { words, flags: new Set(given.map(({ name }) => name)) };
}

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

/** The lines of the comment with which a program begins. */
function commentOf(program: string): string[] {
  const text = readFileSync(program, "utf8");
  const [comment = ""] = /^(\/\*\*[\s\S]*?\*\/|(\/\/.*\n)+)/.exec(text) ?? [];
  const lines = comment.split("\n").map((line) => line.replace(/^ ?(\/\/|\/?\*+\/?) ?|\*\/$/g, ""));
  return comment === "" ? [] : ["", lines.join("\n").trim()];
}
