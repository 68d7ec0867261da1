import type { MayflyError, Result } from "@mayfly/sdk";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Refusal } from "./notice.tsx";
import { Empty } from "./panel.tsx";

export interface Loaded<T> {
  data: T | null;
  error: MayflyError | null;
  /** Whether there was an answer. Null is an answer, too: it means that there is nothing. */
  answered: boolean;
  reload(): void;
}

/**
 * Loads when the component is first drawn, and again when a value in `on` has changed. The old
 * answer stays until the new one has arrived.
 */
export function useLoaded<T>(ask: () => Promise<Result<T>>, on: readonly unknown[]): Loaded<T> {
  const [answer, setAnswer] = useState<Result<T> | null>(null);
  const [round, setRound] = useState(0);
  const calls = useRef({ made: 0, shown: 0 }).current;
  useEffect(() => {
    const own = ++calls.made;
    void ask().then((came) => {
      // If the answer to a later call has arrived before this one, this one is ignored. If the later
      // call has begun but has no answer yet, this one is shown. Otherwise a list that changes all
      // the time would never be drawn.
      if (own < calls.shown) return;
      calls.shown = own;
      setAnswer(came);
    });
  }, [round, ...on]);
  return {
    data: answer?.data ?? null,
    error: answer?.error ?? null,
    answered: answer !== null,
    reload: () => setRound((before) => before + 1),
  };
}

/** Shows the content once it is loaded. Until then, says that it is loading, or why it was refused. */
export function Show<T>(props: { of: Loaded<T>; children(data: T): ComponentChildren }) {
  const { data, error, answered } = props.of;
  if (error)
    return (
      <Empty title="This could not be loaded.">
        <Refusal error={error} />
      </Empty>
    );
  if (!answered) return <div class="skeleton" role="status" aria-label="Loading" />;
  return <>{props.children(data as T)}</>;
}
