import { basename, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { makeProject } from "./project.ts";
import { type Template, templates } from "./templates.ts";

const help = `Usage: npm create mayfly [folder] -- [--template <name>]

Templates:
${templates.map(({ name, title }) => `  ${name.padEnd(10)} ${title}`).join("\n")}

Options:
  --template <name>     which of them; asked for in a terminal
  --packages <folder>   take Mayfly's packages from the tarballs of this folder, instead of npm
  --help                this text`;

/** An error in what the person typed, in one sentence. */
class Wrong extends Error {}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      template: { type: "string" },
      packages: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return console.log(help);
  if (positionals.length > 1) throw new Wrong("Name one folder.");
  const template = await templateOf(values.template);
  const folder = resolve(positionals[0] ?? `mayfly-${template.name}`);
  const packages = values.packages ?? process.env.MAYFLY_PACKAGES;
  const files = await makeProject({
    template,
    folder,
    ...(packages && { packages: resolve(packages) }),
  });
  console.log(`Made ${files} files in ${folder}: ${template.title}.\n`);
  console.log(`  cd ${positionals[0] ?? basename(folder)}`);
  console.log("  npm install");
  console.log("  npm start\n");
  console.log(template.next);
}

async function templateOf(named: string | undefined): Promise<Template> {
  const names = templates.map(({ name }) => name).join(", ");
  const answer = named ?? (await ask());
  const found = templates.find(({ name }, index) => answer === name || answer === `${index + 1}`);
  if (!found) throw new Wrong(`There is no template ${answer}. Choose one of ${names}.`);
  return found;
}

async function ask(): Promise<string> {
  if (!process.stdin.isTTY) throw new Wrong(`Name a template: ${templatesOption()}`);
  for (const [index, { name, title }] of templates.entries())
    console.log(`  ${index + 1}  ${name.padEnd(10)} ${title}`);
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await lines.question("\nWhich one? [1] ")).trim() || "1";
  } finally {
    lines.close();
  }
}

const templatesOption = () => templates.map(({ name }) => `--template ${name}`).join(", ");

try {
  await main();
} catch (error) {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (!(error instanceof Wrong) && !code.startsWith("ERR_PARSE_ARGS") && code !== "FOLDER")
    throw error;
  console.error((error as Error).message);
  process.exitCode = 2;
}
