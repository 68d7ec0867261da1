import type { MayflyError, PresentAgent } from "@mayfly/sdk";
import { useMayfly } from "./provider.ts";
import type { Live } from "./store.ts";
import { useLive } from "./use-live.ts";

const nobody: PresentAgent[] = [];

/**
 * The agents that are alive, each with what it shows about itself. Needs `presence:read`.
 *
 * @example
 * const { data: agents, error, isLoading } = useAgents();
 */
export function useAgents(): Live<PresentAgent[]> {
  const mayfly = useMayfly();
  return useLive(mayfly, "agents", nobody, async (store) => {
    const { data: stop, error } = await mayfly.agents.watch((present) => store.give([...present]), {
      onError: (problem) => store.fail(problem as MayflyError),
    });
    if (error) store.fail(error);
    return stop && { stop };
  });
}
