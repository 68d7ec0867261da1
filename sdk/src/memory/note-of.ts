import type { Note } from "../contract/debug.ts";
import type { Result } from "../contract/errors.ts";

/** Records the result of a call for debug streams: a success as detailed, a failure as basic. */
export function noteOf<T>(
  note: Note,
  name: string,
  { data, error }: Result<T>,
  told: (data: T) => unknown,
  began: number,
): void {
  const durationMs = performance.now() - began;
  if (error) {
    const { code, message } = error;
    note("error", name, () => ({ code, message }), { durationMs });
  } else note("memory", name, () => told(data), { level: "detailed", durationMs });
}
