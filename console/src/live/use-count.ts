import { useEffect, useState } from "preact/hooks";
import type { Happening } from "./events.ts";
import type { Space } from "./space.ts";

/** As often as something changes, a list that is asked for anew is asked for at most. */
const pauseMs = 1_000;

/** Counts what happens: what is loaded `on` it is asked for again, once a second at most. */
export function useCount(space: Space, concerns: (event: Happening) => boolean): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unlisten = space.events.listen((events) => {
      // Also of the past: what happens while the past is read may come with it.
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
