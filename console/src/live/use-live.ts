import type { Result } from "@mayfly/sdk";
import { useEffect, useRef } from "preact/hooks";
import { type Loaded, useLoaded } from "../parts/loaded.tsx";
import type { Happening } from "./events.ts";
import { later, Pace } from "./pace.ts";
import type { Space } from "./space.ts";
import { useCount } from "./use-count.ts";

/**
 * Loads something, and reloads it when the log has an event that concerns it. Some changes have no
 * event, for example when a worker takes a job or records a step. So as long as `goesOn` is true,
 * this also reloads from time to time: a second after a change, and then less and less often until
 * the next change. As long as `isClose` is true, this reloads every second. A page needs that, for
 * example, while it shows a running job.
 */
export function useLive<T>(
  space: Space,
  ask: () => Promise<Result<T>>,
  options: {
    on?: readonly unknown[];
    concerns(event: Happening): boolean;
    goesOn(data: T): boolean;
    isClose?(data: T): boolean;
  },
): Loaded<T> {
  const { on = [], concerns, goesOn, isClose } = options;
  const count = useCount(space, concerns);
  const loaded = useLoaded(ask, [...on, count]);
  const { data, error, reload } = loaded;
  const own = useRef({ pace: new Pace(), before: "", works: false }).current;
  useEffect(() => own.pace.hurry(), [count]);
  useEffect(() => {
    // After a failed load, it is unknown whether the thing still runs, so the last answer counts.
    if (data !== null) own.works = goesOn(data);
    if (!own.works) return;
    const text = JSON.stringify(data);
    const pauseMs = own.pace.next(text !== own.before, data !== null && isClose?.(data));
    own.before = text;
    return later(pauseMs, reload);
  }, [data, error]);
  return loaded;
}
