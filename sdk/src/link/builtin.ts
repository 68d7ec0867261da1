/** A module of Node. Asked of the process: an import would stand in the way of bundlers for browsers. */
export function builtin<T>(name: string): T | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as T | undefined;
}

/** The same, where there are files: only what is sure to run in Node, Deno or Bun calls it. */
export function nodeModule<T>(name: string): T {
  const found = builtin<T>(name);
  if (!found) throw new Error(`There is no ${name} here.`);
  return found;
}
