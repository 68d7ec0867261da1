import type { MayflyError, Result } from "../contract/errors.ts";

/** An agent that can be ended. */
interface Ending {
  readonly depth: number;
  stop(reason?: string): Promise<Result<unknown>>;
  close(): Promise<Result<unknown>>;
}

/** How a `Mayfly` closes. */
export interface CloseOptions {
  /** Whether to stop its agents. Otherwise they end with their lifetime. False by default. */
  stopAgents?: boolean;
}

/** Ends agents, children before their parents: an agent whose parent has ended can push nothing more. */
export async function endAgents(
  agents: Iterable<Ending>,
  { stopAgents = false }: CloseOptions,
): Promise<MayflyError[]> {
  const levels = Map.groupBy(agents, ({ depth }) => depth);
  const errors: MayflyError[] = [];
  for (const depth of [...levels.keys()].sort((a, b) => b - a)) {
    const ended = (levels.get(depth) ?? []).map((agent) =>
      stopAgents ? agent.stop("Its Mayfly client was closed.") : agent.close(),
    );
    for (const { error } of await Promise.all(ended)) if (error) errors.push(error);
  }
  return errors;
}
