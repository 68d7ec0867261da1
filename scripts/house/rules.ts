/** The rules of the house (docs/contributing/rules.md) over a tree of files. */
import { boundFaults } from "./bounds.ts";
import { callFaults } from "./calls.ts";
import { cyclesOf } from "./cycles.ts";
import { importFaults } from "./doors.ts";
import { type Fault, judge } from "./faults.ts";
import { type Imports, importsOf } from "./imports.ts";
import { functionFaults, lengthFaults, missingFaults, strayFaults, tableFaults } from "./places.ts";
import type { SourceFile } from "./tree.ts";

/** Rules with exceptions, each of which is a list in `sql/rooms.json` that may only shrink. */
export interface Exceptions {
  /** Folders and files outside of rooms. */
  stray: readonly string[];
  /** Missing places of a room: `docs/base.md`. */
  missing: readonly string[];
  /** Imports that a rule forbids, as `file → target`. */
  imports: readonly string[];
  /** Files of more than 300 lines. */
  long: readonly string[];
}

/** The parts of `sql/rooms.json` that are not only about SQL. */
export interface House extends Partial<Exceptions> {
  /** The rooms in order: each may use those before it. */
  rooms: readonly string[];
}

type Faults = Record<keyof Exceptions, Fault[]>;

function faultsOf(tree: SourceFile[], rooms: readonly string[], imports: Imports): Faults {
  return {
    stray: strayFaults(tree, rooms),
    missing: missingFaults(tree, rooms),
    imports: importFaults(imports, rooms),
    long: lengthFaults(tree),
  };
}

/** Faults of rules without exceptions. */
function alwaysWrong(tree: SourceFile[], imports: Imports): string[] {
  const fix = "move what they share to a file that imports none of them";
  return [
    ...cyclesOf(imports).map((files) => `${files.join(" → ")} is a circle of imports: ${fix}.`),
    ...[...callFaults(tree), ...functionFaults(tree), ...tableFaults(tree)].map(
      ({ sentence }) => sentence,
    ),
    ...boundFaults(tree),
  ];
}

const listsOf = (faults: Faults) => Object.keys(faults) as (keyof Exceptions)[];

/** Each broken rule, as a sentence. */
export function brokenRules(tree: SourceFile[], house: House): string[] {
  const imports = importsOf(tree);
  const faults = faultsOf(tree, house.rooms, imports);
  return [
    ...listsOf(faults).flatMap((list) => judge(faults[list], house[list] ?? [], list)),
    ...alwaysWrong(tree, imports),
  ];
}

/** Removes exceptions that are no longer needed. */
export function pruned<T extends House>(tree: SourceFile[], house: T): T {
  const faults = faultsOf(tree, house.rooms, importsOf(tree));
  const left = { ...house };
  for (const list of listsOf(faults)) {
    const names = new Set(faults[list].map(({ name }) => name));
    if (house[list]) left[list] = house[list].filter((name) => names.has(name));
  }
  return left;
}
