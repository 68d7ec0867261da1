/** Broken rules of the house, and the exceptions that are listed in `sql/rooms.json`. */

export interface Fault {
  /** The name that an exception uses for it. */
  name: string;
  /** One sentence: the file, what is wrong, what to do. */
  sentence: string;
}

/**
 * The faults that are not listed as exceptions. Also the exceptions whose faults no longer exist, so
 * that a list of exceptions can only shrink.
 *
 * @param list the name of the exceptions in `sql/rooms.json`.
 */
export function judge(faults: Fault[], exceptions: readonly string[], list: string): string[] {
  const names = new Set(faults.map(({ name }) => name));
  return [
    ...faults.filter(({ name }) => !exceptions.includes(name)).map(({ sentence }) => sentence),
    ...exceptions
      .filter((name) => !names.has(name))
      .map(
        (name) =>
          `${name} is no exception any more: delete it from "${list}" in sql/rooms.json, or run npm run house -- --prune.`,
      ),
  ];
}
