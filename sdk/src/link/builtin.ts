/**
 * A Node module, taken from the process, because bundlers for browsers would stumble over an
 * import.
 */
export function builtin<T>(name: string): T | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as T | undefined;
}

/** The same for platforms with files. Only code that runs in Node, Deno or Bun calls this. */
export function nodeModule<T>(name: string): T {
  const found = builtin<T>(name);
  if (!found) throw new Error(`There is no ${name} here.`);
  return found;
}
