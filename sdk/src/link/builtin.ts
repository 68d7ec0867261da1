/**
 * Gets a Node module from the process, because bundlers for browsers fail at an import. Undefined in a
 * browser.
 */
export function builtin<T>(name: string): T | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as T | undefined;
}

/** Like `builtin`, for code that runs only in Node, Deno or Bun. */
export function nodeModule<T>(name: string): T {
  const found = builtin<T>(name);
  if (!found) throw new Error(`There is no ${name} here.`);
  return found;
}
