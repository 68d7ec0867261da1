/** Does something when the process is asked to end, then lets it end; where there are no signals, nothing. */
export function onTermination(step: () => Promise<void>): () => void {
  const { process } = globalThis as { process?: NodeJS.Process };
  if (typeof process?.once !== "function" || typeof process.kill !== "function") return () => {};
  const drain = () => {
    void step().finally(() => {
      // As it would have ended without us, once nobody else wants to hear of it.
      if (process.listenerCount("SIGTERM") === 0) process.kill(process.pid, "SIGTERM");
    });
  };
  process.once("SIGTERM", drain);
  return () => void process.off("SIGTERM", drain);
}
