import type { Entity, EntityName, Fact } from "@mayfly/sdk";
import { type Command, Option } from "commander";
import { execute, list, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf } from "./failure.ts";
import { isUuid, printable } from "./format-values.ts";
import type { Output } from "./output.ts";
import { openProject } from "./project.ts";
import { time } from "./recall.ts";

interface FactsOptions extends ProjectOptions {
  type?: string;
  predicates?: string[];
  hops?: 1 | 2 | 3;
  asOf?: Date;
  history?: boolean;
  limit: number;
}
interface EntitiesOptions extends ProjectOptions {
  type?: string;
  limit: number;
}

export function addFacts(program: Command): void {
  const facts = program
    .command("facts")
    .argument("[entity]", "its name, an alias, or its id")
    .description("show the facts about an entity, or the newest facts")
    .option("--type <type>", "type of the entity, if its name stands for several")
    .option("--predicates <words>", "only these, separated by commas", list)
    .option("--hops <number>", "include connected entities, 1 to 3 steps away", whole(1, 3))
    .option("--as-of <time>", "as it was at that time: 10m, 2h, 1d ago, or ISO 8601", time)
    .addOption(new Option("--history", "include facts that have ended").conflicts(["hops", "asOf"]))
    .option("--limit <number>", "list at most this many", whole(1, 1_000), 100)
    .addHelpText(
      "after",
      "\nExamples:\n  mayfly facts billing\n  mayfly facts billing --hops 2 --predicates owns,depends_on\n  mayfly facts Ada --as-of 2026-01-31 --json",
    );
  withProject(facts).action((entity: string | undefined, options: FactsOptions) =>
    execute(options, (session) => show(entity, options, session)),
  );
  const entities = program
    .command("entities")
    .argument("[text]", "the name, or a part of it")
    .description("list entities")
    .option("--type <type>", "only of this type")
    .option("--limit <number>", "list at most this many", whole(1, 1_000), 50)
    .addHelpText("after", "\nExamples:\n  mayfly entities\n  mayfly entities acme --type company");
  withProject(entities).action((text: string | undefined, options: EntitiesOptions) =>
    execute(options, (session) => find(text, options, session)),
  );
}

const nameOf = (entity: string, type: string | undefined): EntityName =>
  isUuid(entity) ? { id: entity } : { name: entity, ...(type && { type }) };

async function show(
  entity: string | undefined,
  options: FactsOptions,
  { output }: Session,
): Promise<undefined> {
  const { type, predicates, hops, asOf, history, limit } = options;
  const { mayfly } = await openProject(options, output);
  if (entity !== undefined && !history) {
    const around = dataOf(
      await mayfly.facts.traverse(nameOf(entity, type), {
        limit,
        fanOut: Math.min(limit, 200),
        ...(hops && { hops }),
        ...(predicates && { predicates }),
        ...(asOf && { asOf }),
      }),
    );
    output.answer(around, () => linesOf(around.facts, output));
    if (around.truncated) output.note("There are more. Use --limit.");
    return undefined;
  }
  const subject = entity === undefined ? {} : { subject: nameOf(entity, type) };
  const facts = dataOf(
    await mayfly.facts.list({
      ...subject,
      limit,
      ...(predicates?.length === 1 && { predicate: predicates[0] }),
      ...(asOf && { asOf }),
      ...(history && { history }),
    }),
  );
  output.answer({ facts }, () => linesOf(facts, output));
  return undefined;
}

function linesOf(facts: Fact[], output: Output): string[] {
  if (facts.length === 0) return ["No facts are known."];
  return output.table(
    ["SUBJECT", "PREDICATE", "OBJECT", "SINCE", "UNTIL", "SURE", "ID"],
    facts.map(({ subject, predicate, object, value, ...fact }) => [
      printable(subject.name),
      printable(predicate),
      printable(object ? object.name : JSON.stringify(value)).slice(0, 80),
      fact.validFrom.toISOString().slice(0, 10),
      fact.validTo?.toISOString().slice(0, 10) ?? "",
      fact.confidence === null ? "" : String(Number(fact.confidence.toFixed(2))),
      fact.id,
    ]),
  );
}

async function find(
  text: string | undefined,
  options: EntitiesOptions,
  { output }: Session,
): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const { type, limit } = options;
  const entities = dataOf(await mayfly.facts.entities.find(text, { limit, ...(type && { type }) }));
  output.answer({ entities }, () =>
    entities.length === 0
      ? ["There is no such entity."]
      : output.table(["NAME", "TYPE", "ALIASES", "ID"], entities.map(cellsOf)),
  );
  return undefined;
}

const cellsOf = ({ name, type, aliases, id }: Entity) => [
  printable(name),
  printable(type),
  printable(aliases.join(", ")),
  id,
];
