import { MayflyError, type Result } from "../contract/errors.ts";

/** Pauses of a writer that lost: up to this long, and longer each time. */
const pauseMs = 5;
const maxPauseMs = 200;

/** Repeats a read and a write until no other writer came between them, or `tries` are used up. */
export async function untilAlone<T>(
  tries: number,
  write: () => Promise<Result<T>>,
): Promise<Result<T>> {
  for (let attempt = 1; ; attempt++) {
    const written = await write();
    if (written.error?.code !== "version_conflict" || attempt >= tries) return written;
    const pause = Math.random() * Math.min(pauseMs * 2 ** attempt, maxPauseMs);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

export const unknownVersion = (version: number) =>
  new MayflyError({
    code: "version_unknown",
    message: `The version ${version} of the state is not kept.`,
    hint: "The newest hundred versions are: see history.",
    details: { version },
  });
