/** Which room uses which: in the SDK by imports, and in SQL by names. */
import type { SqlFile } from "../sql/order.ts";
import type { Imports } from "./imports.ts";

/** The rooms that each room uses. */
export type Uses = Map<string, Set<string>>;

const roomOf = (file: string) => /^sdk\/src\/([\w-]+)\//.exec(file)?.[1];

const add = (uses: Uses, from: string | undefined, to: string | undefined) => {
  if (!from || !to || from === to) return;
  uses.set(from, (uses.get(from) ?? new Set()).add(to));
};

export function usesInSdk(imports: Imports): Uses {
  const uses: Uses = new Map();
  for (const [file, targets] of imports)
    for (const target of targets) add(uses, roomOf(file), roomOf(target));
  return uses;
}

export function usesInSql(files: SqlFile[]): Uses {
  const home = new Map(files.flatMap(({ makes, room }) => makes.map((name) => [name, room])));
  const uses: Uses = new Map();
  for (const { room, needs, namesLate } of files)
    for (const name of [...needs, ...namesLate]) add(uses, room, home.get(name));
  return uses;
}

/**
 * Leaves out implied uses: if a room uses a second room directly, and also through a third room, the
 * direct use is left out. Uses of a later room are kept, because they are exceptions.
 */
export function reduced(uses: Uses, order: readonly string[]): Uses {
  const isForward = (from: string, to: string) => order.indexOf(to) < order.indexOf(from);
  const forward = (from: string) => [...(uses.get(from) ?? [])].filter((to) => isForward(from, to));
  const reaches = (from: string, to: string): boolean =>
    forward(from).some((next) => next === to || reaches(next, to));
  const left: Uses = new Map();
  for (const [from, targets] of uses)
    for (const to of targets) {
      const others = forward(from).filter((other) => other !== to);
      if (!isForward(from, to) || !others.some((other) => reaches(other, to))) add(left, from, to);
    }
  return left;
}
