/** Import cycles, whose files cannot be read, tested or moved separately. */
import type { Imports } from "./imports.ts";

/**
 * One cycle for each set of files that import each other: the shortest cycle through the first file of the set. The
 * cycle begins and ends with that file.
 */
export function cyclesOf(imports: Imports): string[][] {
  return knotsOf(imports).map((knot) => shortest(imports, knot));
}

/** The sets of files that can all reach each other (Tarjan's strongly connected components). */
function knotsOf(imports: Imports): Set<string>[] {
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const knots: Set<string>[] = [];
  const visit = (file: string): number => {
    const own = index.size;
    let low = own;
    index.set(file, own);
    stack.push(file);
    for (const next of imports.get(file) ?? []) {
      if (!index.has(next)) low = Math.min(low, visit(next));
      else if (stack.includes(next)) low = Math.min(low, index.get(next) ?? own);
    }
    lowest.set(file, low);
    if (low < own) return low;
    const knot = new Set(stack.splice(stack.indexOf(file)));
    if (knot.size > 1 || imports.get(file)?.has(file)) knots.push(knot);
    return low;
  };
  for (const file of [...imports.keys()].sort()) if (!index.has(file)) visit(file);
  return knots;
}

function shortest(imports: Imports, knot: Set<string>): string[] {
  const [first = ""] = [...knot].sort();
  const cameFrom = new Map<string, string>();
  const queue = [first];
  for (const file of queue)
    for (const next of imports.get(file) ?? []) {
      if (next === first) return [...pathTo(file, first, cameFrom), first];
      if (!knot.has(next) || cameFrom.has(next)) continue;
      cameFrom.set(next, file);
      queue.push(next);
    }
  return [...knot];
}

function pathTo(file: string, first: string, cameFrom: Map<string, string>): string[] {
  if (file === first) return [first];
  return [...pathTo(cameFrom.get(file) ?? first, first, cameFrom), file];
}
