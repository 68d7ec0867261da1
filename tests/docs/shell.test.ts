import { execFile } from "node:child_process";
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { docPages, root } from "./pages.ts";
import { blocksOf } from "./programs.ts";
import { commandsOf, type ShellCommand } from "./shell.ts";

const run = promisify(execFile);
const read = (path: string) => readFile(join(root, path), "utf8");

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "examples/README.md",
  "sdk/README.md",
];
pages.push(...docPages);
const commands: (ShellCommand & { page: string })[] = [];
for (const page of pages)
  for (const block of blocksOf(await read(page), "sh"))
    for (const command of commandsOf(block)) commands.push({ page, ...command });

const { scripts } = JSON.parse(await read("package.json")) as { scripts: Record<string, string> };

/** The commands of `mayfly`, from main.ts. */
const mayfly = new Command("mayfly");
for (const [, add = "", file = ""] of (await read("cli/src/main.ts")).matchAll(
  /import \{ (add\w+) \} from "(\.\/[\w/-]+\.ts)"/g,
)) {
  const module = (await import(join(root, "cli/src", file))) as Record<string, unknown>;
  (module[add] as (program: Command) => void)(mayfly);
}

/** The commands of the Supabase CLI, each with its flags. All are read at once, because the CLI takes a second to start. */
const supabase = new Map<string, string>();
const completions = await run(join(root, "node_modules/.bin/supabase"), ["--completions", "bash"]);
// A command with subcommands only groups them, so it is left out.
for (const [, name = "", body = ""] of completions.stdout.matchAll(
  /^_supabase_([a-z_]+)\(\)\n\{\n(.*?)\n\}$/gms,
))
  if (!/compgen -W '/.test(body))
    supabase.set(name, [...body.matchAll(/_filtered_flags\+="(.*?)"/g)].join(" "));

const optionsOf = (words: string[]) =>
  words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/=.*/, ""));

/** Flags that the CLI accepts but its help does not list. */
const unlisted = ["--db-url"]; // tests/local/db/tools.test.ts pushes with it

/** What is wrong with a command, as far as it can be checked without running it. Null if nothing is wrong. */
async function faultOf(words: string[]): Promise<string | null> {
  const [program = "", first = "", ...rest] = words;
  if (program === "npm") {
    if (["install", "ci", "test", "start"].includes(first)) return null;
    const script = [first, ...rest].filter((word) => word !== "run" && word !== "-s")[0] ?? "";
    return first === "run" && script in scripts ? null : `there is no script ${script}`;
  }
  if (program === "npx" && first === "supabase") return faultOfSupabase(rest);
  if (program === "supabase") return faultOfSupabase([first, ...rest]);
  if (program === "npx" && first === "mayfly") {
    const [name = "", ...options] = rest;
    const command = mayfly.commands.find((each) => each.name() === name);
    const inner = command?.commands.find((each) => each.name() === options[0]);
    const help = `${command?.helpInformation()}${inner?.helpInformation() ?? ""}`;
    return command ? missing(optionsOf(options), help) : `there is no command ${name}`;
  }
  if (program === "npx" && first === "vitest") return null;
  const script =
    /(^|\/)deno$/.test(program) && first === "run"
      ? rest.find((word) => !word.startsWith("-"))
      : /(^|\/)node$/.test(program) && first !== "-e" && first;
  if (script)
    return access(join(root, script)).then(
      () => null,
      () => `there is no file ${script}`,
    );
  return ["psql", "jq", "node", "grep", "cd"].includes(program)
    ? null
    : `nothing checks ${program}`;
}

/** Looks for the longest command of the CLI that the words begin with. The words after it are its arguments. */
function faultOfSupabase(words: string[]): string | null {
  const plain = words.filter((word) => /^[a-z][a-z-]*$/.test(word));
  for (let length = Math.min(2, plain.length); length > 0; length--) {
    const flags = supabase.get(plain.slice(0, length).join("_").replaceAll("-", "_"));
    if (flags === undefined) continue;
    return missing(
      optionsOf(words).filter((option) => !unlisted.includes(option)),
      `${flags} `,
    );
  }
  return `the CLI has no command ${plain.slice(0, 2).join(" ")}`;
}

function missing(options: string[], help: string): string | null {
  const unknown = options.filter((option) => !new RegExp(`${option}[ ,=[]`).test(help));
  return unknown.length > 0 ? `there is no ${unknown.join(", ")}` : null;
}

describe("the commands in the documents", () => {
  it("exist, and so do their options", async () => {
    expect(commands.length).toBeGreaterThan(20);
    const faults: string[] = [];
    for (const { page, line, words } of commands) {
      const fault = await faultOf(words);
      if (fault) faults.push(`${page}: ${line}: ${fault}`);
    }
    expect(faults).toEqual([]);
  });

  it("exist if the CLI recommends them as a fix", {
    timeout: 300_000,
  }, async () => {
    const folder = join(root, "cli/src");
    const named: string[] = [];
    for (const file of await readdir(folder, { recursive: true })) {
      if (!file.endsWith(".ts")) continue;
      for (const [command] of (await read(`cli/src/${file}`)).matchAll(
        /npx (supabase|mayfly)( [a-z][a-z-]*| --[a-z][a-z-]*| <[a-z]+>| \$\{[^}]+\})+/g,
      ))
        named.push(command.replace(/[<>]|\$\{.*?\}/g, "x"));
    }
    expect(named.length).toBeGreaterThan(8);
    for (const command of new Set(named))
      expect(await faultOf(command.split(" ")), command).toBeNull();
  });

  it("would be reported if they did not exist", async () => {
    const faultsOf = async (block: string) =>
      Promise.all(commandsOf(block).map(({ words }) => faultOf(words)));
    expect(await faultsOf("npm run nothing")).toEqual(["there is no script nothing"]);
    expect(await faultsOf("KEY=x npx mayfly agents --nobody # a word")).toEqual([
      "there is no --nobody",
    ]);
    expect(await faultsOf('psql "$(npm run -s nowhere)" | rm -r')).toEqual([
      "there is no script nowhere",
      null,
      "nothing checks rm",
    ]);
    expect(await faultsOf("npx supabase db push --nowhere")).toEqual(["there is no --nowhere"]);
    expect(await faultsOf("npx supabase nothing such")).toEqual([
      "the CLI has no command nothing such",
    ]);
  });
});
