import { useEffect, useState } from "preact/hooks";
import type { Space } from "../../live/space.ts";

interface Present {
  count: number | null;
  problem: string | null;
}

/** Counts the agents that are present, while the page is open. */
export function usePresent({ mayfly, may }: Space): Present {
  const [present, setPresent] = useState<Present>({ count: null, problem: null });
  useEffect(() => {
    if (!may("presence:read")) return;
    const watching = mayfly.agents.watch((all) => setPresent({ count: all.length, problem: null }));
    void watching.then(({ error }) => {
      if (error) setPresent({ count: null, problem: error.message });
    });
    return () => void watching.then(({ data: stop }) => stop?.());
  }, [mayfly]);
  return present;
}
