import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { type Chosen, chooseModel } from "../model.ts";
import { Failure } from "./failure.ts";

/** The repository that contains this example. */
export const repository = resolve(import.meta.dirname, "../..");

export interface Options {
  folder: string;
  questions: string[];
  agents: number;
  lifetime: number;
  /** The model with which readers summarise and the newcomer answers. Null if there is none. */
  model: Chosen | null;
  port: number | undefined;
  data: string;
  json: boolean;
  verbose: boolean;
}

const examples = `
Examples:
  npm run demo                                        learn this repository, ask three questions
  npm run demo -- ~/notes "where do we rotate keys?"  learn your notes, ask your question
  npm run demo -- . --agents 8 --lifetime 30          more readers with shorter lives
  npm run -s demo -- ~/notes --json                   one JSON object, and nothing else
  npm run demo -- ~/notes --model openai/gpt-5-mini   readers summarise, the newcomer writes answers

Environment:
  MAYFLY_URL, MAYFLY_KEY, MAYFLY_TENANT               another Supabase project instead of the embedded one
  OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_GENERATIVE_AI_API_KEY, AI_GATEWAY_API_KEY
                                                      a model of that provider, which is sent what is read
  NO_COLOR                                            no colour

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped with Ctrl-C.`;

/**
 * Reads the command line. Null if it asked for help.
 *
 * @throws Failure with exit code 2 if it is invalid.
 */
export async function readOptions(
  args: readonly string[],
  env: Record<string, string | undefined> = process.env,
): Promise<Options | null> {
  const command = new Command("demo")
    .description(
      "A team of agents learns a folder and ends; a newcomer answers from what they learned.",
    )
    .argument("[folder]", "what to learn", repository)
    .argument("[question...]", "what to ask the newcomer")
    .option("--agents <number>", "how many readers", whole(1, 50), 4)
    .option("--lifetime <seconds>", "how long each reader may live", whole(5, 900), 120)
    .option(
      "--data <folder>",
      "where the embedded Supabase keeps its data",
      resolve(repository, ".mayfly"),
    )
    .option("--port <number>", "its port", whole(1, 65535))
    .option("--model <provider/model>", "a language model of the AI SDK, or none")
    .option("--json", "print one JSON object at the end", false)
    .option("--verbose", "show what the embedded Supabase logs", false)
    .addHelpText("after", examples)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    throw usage(error.message.replace(/^error: /, ""));
  }
  const [folder = repository, questions = []] = command.processedArgs as [string?, string[]?];
  const given = command.opts<{
    agents: number;
    lifetime: number;
    data: string;
    model?: string;
    port?: number;
    json: boolean;
    verbose: boolean;
  }>();
  return {
    ...given,
    port: given.port,
    model: given.model === "none" ? null : await chosen(given.model, env),
    data: resolve(callerFolder(), given.data),
    folder: await existing(resolve(callerFolder(), folder)),
    questions: questions.map((question) => question.trim()).filter(Boolean),
  };
}

async function chosen(name: string | undefined, env: Record<string, string | undefined>) {
  return chooseModel(name, env).catch((error: Error) => {
    throw usage(error.message);
  });
}

/** npm runs scripts in the package's folder and keeps the caller's in INIT_CWD. */
function callerFolder(): string {
  const { npm_lifecycle_event: script, INIT_CWD: caller } = process.env;
  return script === "demo" && caller ? caller : process.cwd();
}

async function existing(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => null);
  if (!found) throw usage(`There is no folder ${folder}.`);
  if (!found.isDirectory()) throw usage(`${folder} is a file, not a folder.`);
  return realpath(folder);
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be an integer from ${least} to ${most}.`);
  };
}

function usage(message: string): Failure {
  return new Failure(message, { code: "usage", exitCode: 2 });
}
