/** A Node module, taken from the process: an import would get in the way of bundlers for browsers. */
export function builtin<T>(name: string): T | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as T | undefined;
}

/** The same, where files exist. Only code that runs in Node, Deno or Bun calls it. */
export function nodeModule<T>(name: string): T {
  const found = builtin<T>(name);
  if (!found) throw new Error(`There is no ${name} here.`);
  return found;
}
