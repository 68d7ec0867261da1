/**
 * Runs a function when the process is asked to end, and then lets it end. Does nothing on platforms
 * without signals.
 */
export function onTermination(step: () => Promise<void>): () => void {
  const { process } = globalThis as { process?: NodeJS.Process };
  if (typeof process?.once !== "function" || typeof process.kill !== "function") return () => {};
  const drain = () => {
    void step().finally(() => {
      // End the process as if this handler did not exist, unless another handler listens.
      if (process.listenerCount("SIGTERM") === 0) process.kill(process.pid, "SIGTERM");
    });
  };
  process.once("SIGTERM", drain);
  return () => void process.off("SIGTERM", drain);
}
