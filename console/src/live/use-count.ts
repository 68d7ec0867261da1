import { useEffect, useState } from "preact/hooks";
import type { Happening } from "./events.ts";
import type { Space } from "./space.ts";

/** The shortest time between two reloads of a list, however often something changes. */
const pauseMs = 1_000;

/** Counts events. A list that depends on the count is reloaded at once, but at most once a second. */
export function useCount(space: Space, concerns: (event: Happening) => boolean): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let counted = -pauseMs;
    const unlisten = space.events.listen((events) => {
      // Past events are counted, too: an event that happens while the page reads the past may arrive
      // together with past events.
      if (timer !== undefined || !events.some(concerns)) return;
      timer = setTimeout(
        () => {
          timer = undefined;
          counted = performance.now();
          setCount((before) => before + 1);
        },
        Math.max(0, counted + pauseMs - performance.now()),
      );
    });
    return () => {
      clearTimeout(timer);
      unlisten();
    };
  }, [space]);
  return count;
}
