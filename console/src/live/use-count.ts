import { useEffect, useState } from "preact/hooks";
import type { Happening } from "./events.ts";
import type { Space } from "./space.ts";

/** A list is loaded again at most this often, however often something changes. */
const pauseMs = 1_000;

/** Counts what happens. A list that is loaded `on` the count is loaded again, at most once a second. */
export function useCount(space: Space, concerns: (event: Happening) => boolean): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unlisten = space.events.listen((events) => {
      // Events of the past count too: one that happens while the page reads the past may arrive with it.
      if (timer !== undefined || !events.some(concerns)) return;
      timer = setTimeout(() => {
        timer = undefined;
        setCount((before) => before + 1);
      }, pauseMs);
    });
    return () => {
      clearTimeout(timer);
      unlisten();
    };
  }, [space]);
  return count;
}
