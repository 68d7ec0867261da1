import { z } from "zod";
import type { MayflyError } from "../contract/errors.ts";
import type { Link } from "../link/link.ts";
import { report } from "../link/safe-callback.ts";

const everyMs = 60_000;
/**
 * If a call has not answered after this time, the function is assumed to have started, and to work for as
 * long as the platform lets it.
 */
const arrivalMs = 5_000;

/**
 * Calls an edge function that works on jobs: at once, and then each minute, one call at a time.
 *
 * @returns a function that stops this.
 */
export function wakeByTheMinute(
  link: Link,
  name: string,
  onError?: (error: MayflyError) => void,
): () => void {
  let isUnderWay = false;
  let isOver = false;
  const wake = async () => {
    if (isUnderWay) return;
    isUnderWay = true;
    const begun = performance.now();
    const { error } = await link.fn(name, z.unknown(), {});
    isUnderWay = false;
    // A client gives up long calls, but the function goes on. This is not an error.
    if (!error || isOver || performance.now() - begun > arrivalMs) return;
    report(onError as ((error: unknown) => void) | undefined, `Waking the function ${name}`, error);
  };
  const timer = setInterval(() => void wake(), everyMs);
  (timer as { unref?: () => void }).unref?.();
  void wake();
  return () => {
    isOver = true;
    clearInterval(timer);
  };
}
