/** The rules of the house (CONTRIBUTING.md) over a tree of files, each broken one as a sentence. */
import { cyclesOf } from "./cycles.ts";
import { importFaults } from "./doors.ts";
import { judge } from "./faults.ts";
import { importsOf } from "./imports.ts";
import { functionFaults, lengthFaults, missingFaults, strayFaults } from "./places.ts";
import type { SourceFile } from "./tree.ts";

/** `sql/rooms.json`, as far as it is about more than SQL. Each list may only shrink. */
export interface House {
  /** From the first to the last: a room uses those before it. */
  rooms: readonly string[];
  /** Imports that a rule forbids, as `file → target`. */
  imports: readonly string[];
  /** Files of more than 300 lines. */
  long: readonly string[];
  /** Places that a room lacks: `docs/base.md`. */
  missing: readonly string[];
  /** Folders and files that stand in no room. */
  stray: readonly string[];
}

export function brokenRules(tree: SourceFile[], house: House): string[] {
  const imports = importsOf(tree);
  return [
    ...judge(strayFaults(tree, house.rooms), house.stray, "stray"),
    ...judge(missingFaults(tree, house.rooms), house.missing, "missing"),
    ...judge(importFaults(imports, house.rooms), house.imports, "imports"),
    ...cyclesOf(imports).map(
      (files) =>
        `${files.join(" → ")} is a circle of imports: move what they share to a file that imports none of them.`,
    ),
    ...judge(lengthFaults(tree), house.long, "long"),
    ...functionFaults(tree).map(({ sentence }) => sentence),
  ];
}
