import type { PublishedKind, PublishedKindDetails } from "@mayfly/sdk";
import type { Command } from "commander";
import { AgentNames } from "./agent-names.ts";
import { execute, type ProjectOptions, type Session } from "./command.ts";
import { dataOf, Failure } from "./failure.ts";
import { duration, printable } from "./format-values.ts";
import type { Output } from "./output.ts";
import { openProject, type Project } from "./project.ts";

/** `mayfly jobs kinds`. The options for the project belong to `jobs`, which accepts them in any place. */
export function addJobKinds(jobs: Command): void {
  jobs
    .command("kinds")
    .argument("[name]", "show this kind, with the fields of its input")
    .description("list the jobs, workflows and agents that workers have handlers for")
    .action((name: string | undefined, _: object, command: Command) => {
      const options = command.optsWithGlobals<ProjectOptions>();
      return execute(options, (session) =>
        name ? showOne(name, options, session) : showAll(options, session),
      );
    });
}

const titleOf = ({ title, version }: PublishedKind) =>
  printable(version ? `${title} ${version}` : title);

async function showAll(options: ProjectOptions, { output }: Session): Promise<undefined> {
  const project = await openProject(options, output);
  const kinds = dataOf(await project.mayfly.jobs.kinds.list());
  const by = await publishers(project, output, kinds);
  output.answer({ kinds }, () =>
    kinds.length === 0
      ? ["No worker has published what it does. Workers publish when they start."]
      : output.table(
          ["kind", "name", "about", "schema", "published"],
          kinds.map((kind) => [
            kind.type,
            titleOf(kind),
            printable(kind.description ?? ""),
            kind.hasSchema ? "yes" : "no",
            by(kind),
          ]),
        ),
  );
  return undefined;
}

async function showOne(
  name: string,
  options: ProjectOptions,
  { output }: Session,
): Promise<undefined> {
  const project = await openProject(options, output);
  const kind = dataOf(await project.mayfly.jobs.kinds.get(name));
  if (!kind)
    throw new Failure(`No worker has published ${printable(name)}.`, {
      hint: "The names of workflows and agents are those of their jobs: workflow:publish:1, run:analyst. See: mayfly jobs kinds",
    });
  const by = await publishers(project, output, [kind]);
  output.answer(kind, () => [
    `${kind.type} ${titleOf(kind)}${kind.description ? `: ${printable(kind.description)}` : ""}`,
    output.paint("dim", `published ${by(kind)}`),
    ...fieldsOf(kind, output),
  ]);
  return undefined;
}

async function publishers(project: Project, output: Output, kinds: PublishedKind[]) {
  const names = new AgentNames(project);
  if (!output.json) await names.learn(kinds.map(({ publishedBy }) => publishedBy));
  return ({ publishedAt, publishedBy }: PublishedKind) =>
    `${duration(Date.now() - publishedAt.getTime())} ago by ${
      publishedBy ? printable(names.of(publishedBy) ?? publishedBy) : "the secret key"
    }`;
}

interface Shape {
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  default?: unknown;
  description?: string;
  properties?: Record<string, Shape>;
  required?: string[];
}

/** A line for each field of the input. */
function fieldsOf({ inputSchema }: PublishedKindDetails, output: Output): string[] {
  if (!inputSchema) return ["It has no schema: any input is accepted, or JSON cannot express it."];
  const { properties = {}, required = [], type } = inputSchema as Shape;
  const fields = Object.entries(properties);
  if (fields.length === 0) return [`The input is of type ${printable(String(type ?? "any"))}.`];
  const rows = fields.map(([name, of]): [string, string, string] => [
    printable(name),
    [
      `${typeOf(of)}${of.format ? ` (${printable(of.format)})` : ""}`,
      ...(required.includes(name) ? ["required"] : []),
      ...(of.default === undefined ? [] : [`${printable(JSON.stringify(of.default))} by default`]),
    ].join(", "),
    printable(of.description ?? ""),
  ]);
  return output.table(["field", "type", "about"], rows);
}

const typeOf = (of: Shape): string =>
  printable(
    of.enum
      ? of.enum.map((one) => JSON.stringify(one)).join(" | ")
      : [of.type ?? "any"].flat().join(" | "),
  );
