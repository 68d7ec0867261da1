/** Calls a function that may throw now or reject later. */
export function attempt(step: () => unknown, onFailure: (error: unknown) => void): void {
  try {
    const outcome = step();
    if (outcome instanceof Promise) outcome.catch(onFailure);
  } catch (error) {
    onFailure(error);
  }
}

/**
 * Reports what the caller's code threw, or why something has ended, to `onError`. Without an
 * `onError`, it writes to the console, so that no failure is silent. Never throws.
 *
 * @param what the thing that failed, such as `A handler of messages of the type query`.
 */
export function report<About extends unknown[]>(
  onError: ((error: unknown, ...about: About) => unknown) | undefined,
  what: string,
  error: unknown,
  ...about: About
): void {
  if (!onError) {
    console.error(`Mayfly: ${what} failed, and there is no onError.`, error);
    return;
  }
  attempt(
    () => onError(error, ...about),
    (thrown) =>
      console.error(`Mayfly: ${what} failed, and then its onError threw an error.`, thrown),
  );
}
